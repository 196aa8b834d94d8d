"""Every loader with its valid inputs, how they are changed, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from onnx_lies import as_flatbuffer

from fuzz import bag_files, formats, loads, messages, mutate, seeds
from fuzz.seeds import Files
from qgf_ros.cli.recipe import load_recipe
from qgf_ros.control.baseline_file import load_baseline
from qgf_ros.seen import Seen, load_seen
from qgf_ros.train.state_file import STATE, save_state
from qgf_ros.verify.bag import verify_bag

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
    state = loads.train_state(contract)
    save_state(folder / "state", state, "run")
    cdr = messages.serialised()
    under, recorded = seeds.recordings()
    under_played, played = seeds.played(folder)
    named = {f"/{kind}": (messages.TYPES[kind], data) for kind, data in cdr.items()}
    Seen(("a", "b"), (0.0, 0.0), (1.0, 1.0), (0.1, 0.1), (0.9, 0.9)).save(folder)
    made = [
        Target("contract", 10, seeds.contracts(), loads.contract, ("contracts/",)),
        Target("model", 6, seeds.models(), loads.contract, ("robots/ur5e_2f85", "scenes/")),
        Target(
            "graph",
            6,
            [seeds.graphs()],
            loads.graph,
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
            "description",
            6,
            [{"robot.urdf": seeds.DESCRIPTION.encode()}],
            partial(loads.description, contract),
        ),
        Target(
            "faults", 6, [{"f.yaml": content} for content in seeds.tree_of("faults").values()], loads.faults
        ),
        Target("seen", 8, [{"seen.json": (folder / "seen.json").read_bytes()}], load_seen),
        Target("checkpoint", 14, [checkpoint], loads.checkpoint, finish=formats.resealed),
        Target(
            "detector",
            8,
            [seeds.with_detector(folder / "checkpoint", contract)],
            partial(loads.detector, contract),
            ("detector",),
            partial(
                formats.resealed,
                description="detector.json",
                key="arrays_sha256",
                values="detector.safetensors",
            ),
        ),
        Target(
            "state", 8, [{STATE: (folder / "state" / STATE).read_bytes()}], partial(loads.restore, contract)
        ),
        Target("dataset", 16, seeds.datasets(contract), partial(loads.dataset, contract)),
        Target("bag", 16, seeds.bags(named), loads.bag),
        Target("bag_source", 12, played, partial(loads.bag_source, under_played)),
        Target("bag_parity", 6, played, partial(loads.bag_parity, under_played)),
        Target("verify_bag", 10, recorded, lambda f: verify_bag(f, under, {})),
        Target(
            "exported",
            4,
            [
                {"policy.onnx": exported},
                {"policy.onnx": exported},
                {"policy.onnx": as_flatbuffer(exported, folder)},
            ],
            loads.exported,
        ),
        Target("travel", 4, seeds.travelling(), loads.travel),
        Target("message", 14, messages.seeds(), lambda f: messages.load(f, contract)),
        Target(
            "serialised",
            10,
            [{f"{k}.cdr": v} for k, v in cdr.items()],
            lambda f: messages.load_bytes(f, contract),
        ),
    ]
    return {target.name: target for target in made}
