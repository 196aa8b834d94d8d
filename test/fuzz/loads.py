"""How each loader is called on a folder of changed files, and what must hold of what it accepts."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import torch
from contract_files import ROOT

from fuzz import messages
from qgf_ros.bags.census import take_census
from qgf_ros.bags.decode import decode
from qgf_ros.bags.reader import is_finished, read_bag, read_facts
from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.origin import contract_path
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.travel import unpack_contract
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.look_ahead import LookAhead
from qgf_ros.data.columns import episode_of
from qgf_ros.data.dataset import fingerprint, from_slices, read_slices
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_parity import ParityCheck
from qgf_ros.data.formats.bag_reader import no_arm
from qgf_ros.data.npz import open_arrays
from qgf_ros.data.relabel import Near, Relabel
from qgf_ros.datatypes import Observation
from qgf_ros.errors import QgfError
from qgf_ros.graph import load_graph, settings
from qgf_ros.graph_file import OWN_MODULES, Kind
from qgf_ros.inference.caution import Caution
from qgf_ros.inference.detector_file import load_detector
from qgf_ros.inference.engines.onnx import OnnxEngine
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.nodes.robot_description import read_description
from qgf_ros.train.state_file import restore_state
from qgf_ros.train.update import TrainState, UpdateConfig
from qgf_ros.verify.messages import read_certificate
from qgf_sim.fault_line import FaultError, FaultLine, read_line, read_script
from qgf_sim.faults import Sensed
from qgf_sim.simulation import JointState


def contract(folder: Path) -> None:
    contract = load_contract(folder / "contracts" / "c.yaml")
    if contract.model_path is not None:
        kinematics = Kinematics(contract)
        kinematics.tool(dict.fromkeys(kinematics.joints, 0.1))
    if contract.scene_path is not None:
        LookAhead(contract)
    assert contract.digest


def graph(folder: Path) -> None:
    """What would be started is one of ours, with a file that came with the graph."""
    places = {"checkpoint": str(folder), "contract": str(folder)}
    graph = load_graph(folder / "graphs" / "closed_loop.yaml")
    own = (folder / "graphs").resolve()
    for setting in settings(graph, places, ["denoise_steps:=5"]):
        assert setting.node.module in OWN_MODULES.values()
        assert setting.params_files[0].resolve().is_relative_to(own)
    for argument in graph.arguments.values():
        is_path = argument.kind in (Kind.PATH, Kind.OUTPUT) and argument.default
        assert not is_path or Path(argument.default).resolve().is_relative_to(own)


def checkpoint(folder: Path) -> None:
    """Also which contract would be opened for it."""
    path = contract_path(None, load_checkpoint(folder), folder).resolve()
    assert path.is_relative_to(ROOT / "config" / "contracts") or path.is_relative_to(folder.resolve())


def exported(folder: Path) -> None:
    """What ONNX Runtime runs is what was looked through: neither its own format, nor a part that only it sees."""
    model = OnnxEngine(folder / "policy.onnx")._session.get_modelmeta()
    content = (folder / "policy.onnx").read_bytes()
    assert model.description != "flatbuffer"
    assert b"hidden" not in content[-200:]


def faults(folder: Path) -> None:
    """What is accepted is played for some ticks, and injected."""
    try:
        line = FaultLine(read_script(folder / "f.yaml"))
    except FaultError as error:
        raise QgfError(str(error)) from error
    for text in (folder / "f.yaml").read_text().splitlines():
        with contextlib.suppress(FaultError):
            line.inject(read_line(text.lstrip("- "), 0))
    state = JointState(("a", "b"), np.zeros(2), np.zeros(2), np.zeros(2))
    for now_ns in range(0, 10**10, 10**9):
        line.advance(now_ns)
        line.sense(Sensed("joint_states", now_ns, state))
        line.set_points({"a": 0.0}, now_ns)
        assert 0.0 <= line.payload_kg < float("inf")


def description(contract: Contract, folder: Path) -> None:
    text = (folder / "robot.urdf").read_bytes().decode("utf-8", "replace")
    read_description(text, contract.interface.joints)


def train_state(contract: Contract) -> TrainState:
    """A training run after its first step."""
    interface = contract.interface
    config = NetworkConfig(
        interface.observation_dim, interface.action_dim, interface.chunk_length, hidden=(4, 4)
    )
    state = TrainState.create(Networks.create(config, torch.Generator().manual_seed(0)), UpdateConfig())
    for group in state.optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    state.optimizer.step()
    return state


def detector(contract: Contract, folder: Path) -> None:
    """Looks at a chunk too: what was accepted must work, and find strange what lies beyond everything."""
    interface = contract.interface
    found = load_detector(folder, interface)
    if found is not None:
        seen = Observation(np.zeros(interface.observation_dim, np.float32), 1)
        actions = np.zeros((interface.chunk_length, interface.action_dim))
        caution = Caution(found.detector, interface, found.reaction)
        assert 0.0 < caution.look(seen, actions).speed <= 1.0
        step_ns, values = round(found.detector.step_s * 1e9), np.ones(interface.observation_dim, np.float32)
        looks = [caution.look(Observation(1e9 * k * values, k * step_ns), actions) for k in range(2, 60)]
        worst = max(looks, key=lambda alert: alert.score)
        assert worst.score >= 0.95
        assert worst.score < 1.0 or looks[-1].speed < 1.0


def restore(contract: Contract, folder: Path) -> None:
    restore_state(folder, train_state(contract), "run")


def dataset(contract: Contract, folder: Path) -> None:
    open_arrays_mapped(folder / "data.npz")
    slices = read_slices(folder / "data.npz", contract.interface)
    fingerprint(slices)
    from_slices(slices, contract.interface, Relabel((Near("goal_position", 1.0, point=(0.0, 0.0, 0.0)),)))


def open_arrays_mapped(path: Path) -> None:
    """Also in place; what is refused so may be accepted unpacked."""
    try:
        for array in open_arrays(path, in_memory=False).values():
            array.shape  # noqa: B018
            array.reshape(-1)[-1:].tolist()
    except QgfError:
        return


def travel(folder: Path) -> None:
    parts = ("contract.json", "model.xml")
    contract, model = ((folder / name).read_bytes().decode("utf-8", "surrogateescape") for name in parts)
    unpack_contract({"contract": contract, "model": model}, folder / "unpacked")


def bag(folder: Path) -> None:
    is_finished(folder)
    read_facts(folder)
    for message in read_bag(folder):
        found = decode(message)
        if message.type_name == messages.TYPES["certificate"]:
            read_certificate(found)


def bag_source(contract: Contract, folder: Path) -> None:
    """Whatever else is wrong with it, what it gives are episodes. Contracts are unpacked by `travel`."""
    source = BagSource(folder, no_arm, contract)
    for recording in source.recordings():
        episode = episode_of(recording, contract.interface, None, is_trusted=True)
        assert np.abs(episode.actions).max() <= 1.0


def bag_parity(contract: Contract, folder: Path) -> None:
    check = ParityCheck(contract, Assembler(contract, None), "/")
    found = check.run(read_bag(folder, check.concerns))
    assert found.live == found.same + found.different + found.not_made
    take_census(folder)
