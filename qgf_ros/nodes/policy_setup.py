"""What the policy node loads at configure."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.inference.device import choose_device
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.proposer import Proposer
from qgf_ros.nodes.policy_parameters import PolicySettings


@dataclass(frozen=True)
class Setup:
    """A policy under a contract, ready to propose; `warm_ms` is the best latency seen while warming up."""

    contract: Contract
    defaults: SamplerDefaults
    proposer: Proposer
    device: str
    warm_ms: float


def make_setup(settings: PolicySettings) -> Setup:
    """Loads contract and checkpoint, checks that they speak one language, and warms up.

    Raises:
        MissingFileError, UnknownKeys, InvalidSetting, ContractError, ...: as `load_contract`.
        CheckpointError, InterfaceMismatchError: as `load_checkpoint`.
        MissingGpuError: CUDA is asked for and there is none.
    """
    contract = load_contract(settings.contract)
    device = choose_device(settings.device)
    torch.set_num_threads(settings.threads)
    checkpoint = load_checkpoint(settings.checkpoint, contract.interface)
    kinematics = Kinematics(contract) if contract.interface.kinematics is not None else None
    proposer = Proposer(
        contract,
        Assembler(contract, kinematics),
        ChunkPolicy(contract.interface, ReferenceEngine(checkpoint, device)),
        settings.sampler(checkpoint.defaults),
        ramp_s=settings.weight_ramp_s,
        resend_after_s=None if settings.lockstep else settings.resend_after_s,
    )
    latencies_ms = proposer.warm_up(settings.warm_up_passes)
    return Setup(contract, checkpoint.defaults, proposer, str(device), min(latencies_ms))
