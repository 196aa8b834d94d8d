"""Every loader with its valid inputs, how they are changed, and how it is called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import torch
from contract_files import ROOT
from onnx_lies import as_flatbuffer

from fuzz import bag_files, formats, messages, mutate, seeds
from fuzz.seeds import Files
from qgf_ros.bags.census import take_census
from qgf_ros.bags.decode import decode
from qgf_ros.bags.reader import is_finished, read_bag, read_facts
from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.origin import contract_path
from qgf_ros.cli.recipe import load_recipe
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.travel import pack_contract, unpack_contract
from qgf_ros.control.baseline_file import load_baseline
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
from qgf_ros.seen import Seen, load_seen
from qgf_ros.train.state_file import STATE, restore_state, save_state
from qgf_ros.train.update import TrainState, UpdateConfig
from qgf_ros.verify.bag import verify_bag
from qgf_ros.verify.messages import read_certificate
from qgf_sim.fault_line import FaultError, FaultLine, read_line, read_script
from qgf_sim.faults import Sensed
from qgf_sim.simulation import JointState

Change = Callable[[Random, bytes], bytes]
SUFFIXES: Mapping[str, Change] = {
    ".yaml": mutate.yaml_text,
    ".json": mutate.json_text,
    ".xml": mutate.xml_text,
    ".urdf": mutate.xml_text,
    ".safetensors": formats.safetensors,
    ".npz": formats.npz,
    ".mcap": bag_files.mcap,
    ".onnx": formats.onnx,
    ".cdr": mutate.blind,
    ".pickle": lambda _, content: content,
}


@dataclass(frozen=True)
class Target:
    """A loader. `changed` names the files that are changed (all: those of a known suffix); `weight`: its share of the inputs."""

    name: str
    weight: int
    seeds: list[Files]
    load: Callable[[Path], object]
    changed: tuple[str, ...] = ()
    finish: Callable[[Files], Files] = lambda files: files

    def names(self, files: Files) -> list[str]:
        """Those of the files that are changed."""
        return sorted(name for name in files if not self.changed or name.startswith(self.changed))

    def case(self, draw: Random) -> Files:
        """An input: valid files, one or two of them changed."""
        files = dict(draw.choice(self.seeds))
        names = self.names(files)
        for name in draw.sample(names, 1 if draw.random() < 0.9 else min(2, len(names))):
            files[name] = SUFFIXES[Path(name).suffix](draw, files[name])
        return self.finish(files) if draw.random() < 0.8 else files


def make_targets(folder: Path) -> dict[str, Target]:
    """All targets, by name; `folder` is for the files that are made on the way."""
    contract = seeds.small_contract(folder)
    checkpoint, exported = seeds.checkpoints(folder, contract)
    state = _state(contract)
    save_state(folder / "state", state, "run")
    cdr = messages.serialised()
    under, recorded = seeds.recordings()
    under_played, played = seeds.played(folder)
    named = {f"/{kind}": (messages.TYPES[kind], data) for kind, data in cdr.items()}
    Seen(("a", "b"), (0.0, 0.0), (1.0, 1.0), (0.1, 0.1), (0.9, 0.9)).save(folder)
    made = [
        Target("contract", 10, seeds.contracts(), _contract, ("contracts/",)),
        Target("model", 6, seeds.models(), _contract, ("robots/ur5e_2f85", "scenes/")),
        Target(
            "graph",
            6,
            [seeds.graphs()],
            _graph,
            ("graphs/closed_loop", "graphs/policy", "graphs/params/policy"),
        ),
        Target(
            "recipe",
            6,
            [{"r.yaml": content} for content in seeds.tree_of("train").values()],
            lambda f: load_recipe(f / "r.yaml"),
        ),
        Target(
            "baseline",
            6,
            [{"b.yaml": content} for content in seeds.tree_of("baselines").values()],
            lambda f: load_baseline(f / "b.yaml"),
        ),
        Target(
            "description", 6, [{"robot.urdf": seeds.DESCRIPTION.encode()}], partial(_description, contract)
        ),
        Target("faults", 6, [{"f.yaml": content} for content in seeds.tree_of("faults").values()], _faults),
        Target("seen", 8, [{"seen.json": (folder / "seen.json").read_bytes()}], load_seen),
        Target("checkpoint", 14, [checkpoint], _checkpoint, finish=formats.resealed),
        Target(
            "detector",
            8,
            [seeds.with_detector(folder / "checkpoint", contract)],
            partial(_detector, contract),
            ("detector",),
            partial(
                formats.resealed,
                description="detector.json",
                key="arrays_sha256",
                values="detector.safetensors",
            ),
        ),
        Target("state", 8, [{STATE: (folder / "state" / STATE).read_bytes()}], partial(_restore, contract)),
        Target("dataset", 16, seeds.datasets(contract), partial(_dataset, contract)),
        Target("bag", 16, seeds.bags(named), _bag),
        Target("bag_source", 12, played, partial(_bag_source, under_played)),
        Target("bag_parity", 6, played, partial(_bag_parity, under_played)),
        Target("verify_bag", 10, recorded, lambda f: verify_bag(f, under, {})),
        Target(
            "exported",
            4,
            [
                {"policy.onnx": exported},
                {"policy.onnx": exported},
                {"policy.onnx": as_flatbuffer(exported, folder)},
            ],
            _exported,
        ),
        Target("travel", 4, _travelling(), _travel),
        Target("message", 14, messages.seeds(), lambda f: messages.load(f, contract)),
        Target(
            "serialised",
            10,
            [{f"{k}.cdr": v} for k, v in cdr.items()],
            lambda f: messages.load_bytes(f, contract),
        ),
    ]
    return {target.name: target for target in made}


def _contract(folder: Path) -> None:
    contract = load_contract(folder / "contracts" / "c.yaml")
    if contract.model_path is not None:
        kinematics = Kinematics(contract)
        kinematics.tool(dict.fromkeys(kinematics.joints, 0.1))
    if contract.scene_path is not None:
        LookAhead(contract)
    assert contract.digest


def _graph(folder: Path) -> None:
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


def _checkpoint(folder: Path) -> None:
    """Also which contract would be opened for it."""
    path = contract_path(None, load_checkpoint(folder), folder).resolve()
    assert path.is_relative_to(ROOT / "config" / "contracts") or path.is_relative_to(folder.resolve())


def _exported(folder: Path) -> None:
    """What ONNX Runtime runs is what was looked through: neither its own format, nor a part that only it sees."""
    model = OnnxEngine(folder / "policy.onnx")._session.get_modelmeta()
    content = (folder / "policy.onnx").read_bytes()
    assert model.description != "flatbuffer"
    assert b"hidden" not in content[-200:]


def _faults(folder: Path) -> None:
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


def _description(contract: Contract, folder: Path) -> None:
    text = (folder / "robot.urdf").read_bytes().decode("utf-8", "replace")
    read_description(text, contract.interface.joints)


def _state(contract: Contract) -> TrainState:
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


def _detector(contract: Contract, folder: Path) -> None:
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


def _restore(contract: Contract, folder: Path) -> None:
    restore_state(folder, _state(contract), "run")


def _dataset(contract: Contract, folder: Path) -> None:
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


def _travelling() -> list[Files]:
    """Contracts as a recording carries them."""
    found = []
    for name in ("ur5e_cube", "jaco_reach"):
        facts = pack_contract(load_contract(ROOT / "config" / "contracts" / f"{name}.yaml"))
        parts = {"contract.json": facts["contract"].encode(), "model.xml": facts["model"].encode()}
        found.append(parts)
    return found


def _travel(folder: Path) -> None:
    parts = ("contract.json", "model.xml")
    contract, model = ((folder / name).read_bytes().decode("utf-8", "surrogateescape") for name in parts)
    unpack_contract({"contract": contract, "model": model}, folder / "unpacked")


def _bag(folder: Path) -> None:
    is_finished(folder)
    read_facts(folder)
    for message in read_bag(folder):
        found = decode(message)
        if message.type_name == messages.TYPES["certificate"]:
            read_certificate(found)


def _bag_source(contract: Contract, folder: Path) -> None:
    """Whatever else is wrong with it, what it gives are episodes. Contracts are unpacked by `travel`."""
    source = BagSource(folder, no_arm, contract)
    for recording in source.recordings():
        episode = episode_of(recording, contract.interface, None, is_trusted=True)
        assert np.abs(episode.actions).max() <= 1.0


def _bag_parity(contract: Contract, folder: Path) -> None:
    check = ParityCheck(contract, Assembler(contract, None), "/")
    found = check.run(read_bag(folder, check.concerns))
    assert found.live == found.same + found.different + found.not_made
    take_census(folder)
