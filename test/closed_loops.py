"""The same episode twice: in one process, and over ROS in lockstep. And a small policy to run it with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from ros_graph import PATIENCE_S, ROOT

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.datatypes import FloatArray, JointCommand, Rung
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.rollouts import Episode, Row, make_caution, make_policy, run_episode
from qgf_ros.flow.sampler import SamplerDefaults, default_config
from qgf_ros.graph import load_graph, settings
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.nodes.conductor import Conductor
from qgf_ros.runner import running

TASK = "cube-single-task1"
CONTRACT = ROOT / "config/contracts/ur5e_cube.yaml"
GRAPH = ROOT / "config/graphs/closed_loop.yaml"


def tiny_checkpoint(interface: Interface, seed: int = 0) -> Checkpoint:
    """Random networks that guide and choose: good for nothing but being the same everywhere."""
    config = NetworkConfig(
        interface.observation_dim, interface.action_dim, interface.chunk_length, hidden=(32, 32)
    )
    networks = Networks.create(config, torch.Generator().manual_seed(seed))
    length = interface.observation_dim
    normalizer = Normalizer(np.zeros(length, np.float32), np.ones(length, np.float32))
    defaults = SamplerDefaults(guidance_weight=0.5, denoise_steps=4, candidates=2)
    return Checkpoint(networks, normalizer, interface, defaults, {"task": TASK})


def saved(folder: Path, checkpoint: Checkpoint) -> Path:
    """The folder, with the checkpoint in it."""
    save_checkpoint(folder, checkpoint)
    return folder


class RecordingLoop(ClosedLoop):
    """Keeps every command, as rows of position, velocity, acceleration."""

    def __init__(self, contract: Contract, task: str) -> None:
        super().__init__(contract, task)
        self.rows: list[FloatArray] = []
        self.rungs: list[Rung] = []

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.rows.clear()
        self.rungs.clear()

    def tick(self) -> JointCommand:
        command = super().tick()
        self.rows.append(np.array([command.positions, command.velocities, command.accelerations]))
        self.rungs.append(command.rung)
        return command


class InProcess:
    """Episodes without ROS, by the checkpoint's defaults; on one thread of PyTorch, as in the node."""

    def __init__(self, contract: Contract, checkpoint: Path, task: str = TASK) -> None:
        torch.set_num_threads(1)
        loaded = load_checkpoint(checkpoint, contract.interface)
        self._row = Row("guided", default_config(loaded.defaults))
        self._policy = make_policy(loaded)
        self._caution = make_caution(checkpoint, contract)
        self._loop = RecordingLoop(contract, task)

    def commands(self, seed: int) -> FloatArray:
        """(T, 3, J) of the episode."""
        self.run(seed)
        return np.stack(self._loop.rows)

    def run(self, seed: int) -> Episode:
        """The episode's figures; `rungs` are then those of its ticks."""
        return run_episode(self._loop, self._policy, self._row, seed, self._caution)

    @property
    def rungs(self) -> list[Rung]:
        """Of the last episode's ticks."""
        return self._loop.rungs


@contextmanager
def graph_in_lockstep(
    contract: Contract, checkpoint: Path, namespace: str, more: Mapping[str, str] | None = None
) -> Iterator[Conductor]:
    """Simulator, policy and command node as processes, from the graph that ships, ready for episodes."""
    arguments = {"checkpoint": str(checkpoint), "contract": str(contract.path), "lockstep": "true"}
    arguments |= {"namespace": namespace, "task": TASK} | dict(more or {})
    parameters = ["sim_node:end_at_success:=true", "sim_node:paused:=true", "sim_node:shuffle_joints:=true"]
    with (
        running(settings(load_graph(GRAPH), arguments, parameters)) as processes,
        Conductor(contract, lockstep=True, namespace=namespace, check=processes.check) as conductor,
    ):
        conductor.wait_until_active(PATIENCE_S)
        yield conductor
