"""Valid inputs of every loader, as files by name: what changes begin with."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import played_bags
import torch
import yaml
from contract_files import ROOT, TWO_JOINTS, two_joints_with_command
from detectors import calibrated, tiny_detector
from mcap.writer import CompressionType, Writer
from recorded_bags import serialised
from verified_world import Emergency, World

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.travel import pack_contract
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.inference.detector_file import read_critics, save_detector
from qgf_ros.inference.export import export_onnx
from qgf_ros.networks import NetworkConfig, Networks

Files = dict[str, bytes]
DESCRIPTION = (
    '<robot name="two"><link name="a"/><link name="b"/><link name="c"/><joint name="shoulder" type="revolute"><parent link="a"/>'
    '<child link="b"/><limit lower="-1.5" upper="1.5" velocity="1.0" effort="10"/><safety_controller soft_lower_limit="-1.4" '
    'soft_upper_limit="1.4"/></joint><joint name="elbow" type="prismatic"><parent link="b"/><child link="c"/><limit lower="-1" '
    'upper="1.0" velocity="2.0" effort="10"/><mimic joint="shoulder" multiplier="0.5" offset="0.1"/></joint></robot>'
)


def tree_of(*folders: str) -> Files:
    """The files of folders of config/, with their paths from there."""
    files = [path for folder in folders for path in (ROOT / "config" / folder).glob("*.*")]
    return {str(path.relative_to(ROOT / "config")): path.read_bytes() for path in files}


def contracts() -> list[Files]:
    """Every contract that ships, as contracts/c.yaml, with the models; one of them with everything declared."""
    beside = tree_of("robots", "scenes")
    texts = [content for name, content in tree_of("contracts").items() if name.endswith(".yaml")]
    full = yaml.safe_load((ROOT / "config/contracts/ur5e_cube.yaml").read_text())
    full["deployment"] |= {
        "tool": {"speed": 0.5, "box": [[0.2, -0.4, 0.0], [0.7, 0.4, 0.5]]},
        "scene": "../scenes/ur5e_table.xml",
        "speed_scaling": "speed_scaling",
    }
    texts += [TWO_JOINTS.encode(), yaml.safe_dump(full, sort_keys=False).encode()]
    return [beside | {"contracts/c.yaml": text} for text in texts]


def graphs() -> Files:
    """The graphs that ship, with their parameter files below them, as a stranger's must lie."""
    beside = {f"graphs/{name}": content for name, content in tree_of("params").items()}
    texts = {
        name: content.replace(b"../../checkpoints/", b"").replace(b"../", b"")
        for name, content in tree_of("graphs").items()
    }
    return beside | texts


def models() -> list[Files]:
    """The contract with everything declared, for changes to its model and scene."""
    return contracts()[-1:]


def small_contract(folder: Path) -> Contract:
    """The contract of two joints, which the checkpoints and data sets here are made for."""
    path = folder / "two_joints.yaml"
    path.write_text(TWO_JOINTS)
    return load_contract(path)


def checkpoints(folder: Path, contract: Contract) -> tuple[Files, bytes]:
    """A small checkpoint, and the same exported."""
    interface = contract.interface
    config = NetworkConfig(
        interface.observation_dim, interface.action_dim, interface.chunk_length, hidden=(4, 4), max_delay=2
    )
    networks = Networks.create(config, torch.Generator().manual_seed(0))
    size = interface.observation_dim
    normalizer = Normalizer(np.zeros(size, np.float32), np.ones(size, np.float32))
    provenance = {"steps": 1, "contract": "config/contracts/ur5e_cube.yaml"}
    checkpoint = Checkpoint(networks, normalizer, interface, SamplerDefaults(), provenance)
    save_checkpoint(folder / "checkpoint", checkpoint)
    files = {path.name: path.read_bytes() for path in (folder / "checkpoint").iterdir()}
    return files, export_onnx(checkpoint, folder / "policy.onnx").path.read_bytes()


def with_detector(folder: Path, contract: Contract) -> Files:
    """The checkpoint in a folder with a detector beside it."""
    interface = contract.interface
    save_detector(folder, calibrated(tiny_detector(interface, read_critics(folder))), interface)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def datasets(contract: Contract) -> list[Files]:
    """Two episodes, stored and compressed."""
    interface, draw = contract.interface, np.random.default_rng(0)
    arrays = {
        "observations": draw.standard_normal((20, interface.observation_dim)).astype(np.float32),
        "actions": draw.uniform(-1, 1, (20, interface.action_dim)).astype(np.float32),
        "terminals": np.arange(20) % 10 == 9,
        "interface": np.array(json.dumps(interface.canonical())),
    }
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **arrays)  # type: ignore[arg-type]
        found.append({"data.npz": buffer.getvalue()})
    return found


def bags(messages: dict[str, tuple[str, bytes]]) -> list[Files]:
    """A bag of these messages (topic -> type, serialised) in each way of packing."""
    facts = {"rosbag2_bagfile_information": {"version": 9, "custom_data": {"lost": "0"}}}
    found = []
    for way in CompressionType:
        buffer = io.BytesIO()
        writer = Writer(buffer, compression=way, chunk_size=1000)
        writer.start(profile="ros2")
        for number, (topic, (kind, data)) in enumerate(messages.items()):
            schema = writer.register_schema(kind, "ros2msg", b"")
            channel = writer.register_channel(topic, "cdr", schema)
            for index in range(5):
                writer.add_message(channel, 10 * index + number, data, 10 * index + number)
        writer.finish()
        found.append({"bag_0.mcap": buffer.getvalue(), "metadata.yaml": yaml.safe_dump(facts).encode()})
    return found


def played(folder: Path) -> tuple[Contract, list[Files]]:
    """Its contract and bags of a run, a report among it: in the open, so that messages are changed behind no checksum, and packed."""
    own = folder / "played"
    own.mkdir()
    contract = load_contract(two_joints_with_command(own))
    stamps = {"joint_states": played_bags.at(35), "command": played_bags.at(34), "goal": played_bags.at(33)}
    said = [*played_bags.surrounded(30, 4), played_bags.report(35, "0" * 16, **stamps)]
    said.append(played_bags.mark("/sim_node/status", 20, seed=1, done="false", success="false", task="reach"))
    bag = played_bags.write(own / "bag", said, contract)
    [packed] = bag.glob("*.mcap")
    opened = io.BytesIO()
    writer = Writer(opened, use_chunking=False)
    writer.start(profile="ros2")
    channels: dict[str, int] = {}
    for entry in sorted(said, key=lambda entry: entry.sent_ns):
        if entry.topic not in channels:
            schema = writer.register_schema(entry.kind, "ros2msg", b"")
            channels[entry.topic] = writer.register_channel(entry.topic, "cdr", schema)
        writer.add_message(channels[entry.topic], entry.sent_ns, entry.data, entry.sent_ns)
    writer.finish()
    return contract, [{"bag_0.mcap": opened.getvalue()}, {"bag_0.mcap": packed.read_bytes()}]


def recordings() -> tuple[Contract, list[Files]]:
    """What a graph recorded, and its contract: in the open, so that messages are changed behind no checksum, and packed."""
    world = World("jaco_reach", 3)
    entries = [serialised(entry) for entry in (Emergency(False), *world.run(25))]
    found = []
    for in_chunks in (False, True):
        buffer = io.BytesIO()
        writer = Writer(buffer, compression=CompressionType.ZSTD, use_chunking=in_chunks)
        writer.start(profile="ros2")
        channels: dict[str, int] = {}
        for count, (topic, kind, data) in enumerate(entries):
            if topic not in channels:
                channels[topic] = writer.register_channel(
                    topic, "cdr", writer.register_schema(kind, "ros2msg", b"")
                )
            writer.add_message(channels[topic], 100_000 * count, data, 100_000 * count)
        writer.finish()
        found.append({"bag_0.mcap": buffer.getvalue()})
    return world.contract, [found[0], *found]


def travelling() -> list[Files]:
    """Contracts as a recording carries them."""
    found = []
    for name in ("ur5e_cube", "jaco_reach"):
        facts = pack_contract(load_contract(ROOT / "config" / "contracts" / f"{name}.yaml"))
        parts = {"contract.json": facts["contract"].encode(), "model.xml": facts["model"].encode()}
        found.append(parts)
    return found
