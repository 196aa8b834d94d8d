"""The fuzzer finds what it is there to find, and finds none of it in our loaders."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'qgf_ros[onnx]'")
pytest.importorskip("rclpy", reason="messages are those of ROS: pip install 'qgf_ros[ros]'")

from fuzz.__main__ import run
from fuzz.payloads import OUTSIDE, PICKLES
from fuzz.targets import Target, make_targets

from qgf_ros.errors import QgfError

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.ros


def refuse(_: Path) -> None:
    raise QgfError("No.")


def unpickle(folder: Path) -> None:
    """Planted misbehaviour: no loader of ours opens a pickle, and the fuzzer must report one that does."""
    pickle.loads((folder / "a.pickle").read_bytes())


def spin(_: Path) -> None:
    while True:
        pass


def fill(_: Path) -> None:
    bytes(10 * 2**30)


def hoard(_: Path) -> None:
    """Fills as much each time, within the address space that it may have: what came before must not hide it."""
    b"x" * (450 * 2**20)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, "accepted"),
    "a sentence": (refuse, "refused"),
    "another exception": (lambda _: 1 // 0, "bug"),
    "memory": (fill, "bug"),
    "memory that is filled": (hoard, "bug"),
    "a pickle": (unpickle, "executed"),
    "a command": (lambda _: os.system("true"), "executed"),
    "a file read outside": (lambda folder: (folder.parent / OUTSIDE / "model.xml").read_bytes(), "executed"),
    "a file written": (lambda _: Path("sentinel").write_text(""), "executed"),
    "death": (lambda _: os.abort(), "crashed"),
    "waiting": (lambda _: time.sleep(60), "hung"),
    "turning": (spin, "hung"),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_kind_of_misbehaviour_is_told_apart(tmp_path: Path, name: str) -> None:
    load, expected = WRONG[name]
    target = Target("it", 1, [{"a.pickle": PICKLES[1]}], load)
    inputs = 1 if expected == "hung" else 3
    figures = run({"it": target}, inputs, seed=0, first=0, jobs=1, folder=tmp_path, hang_wall_s=5.0)
    assert figures["inputs"] == inputs
    counts = {
        key: count for key, count in figures["loaders"]["it"].items() if not key.endswith(("_ms", "_mib"))
    }
    assert counts == {expected: inputs}


def test_memory_is_told_also_where_the_heap_has_as_much_that_an_earlier_load_gave_back(
    tmp_path: Path,
) -> None:
    blocks = [b"x" * 2**16 for _ in range(500 * 2**4)]  # too small for mappings of their own
    above = b"x" * 2**16
    del blocks
    test_every_kind_of_misbehaviour_is_told_apart(tmp_path, "memory that is filled")
    del above


@pytest.mark.slow
def test_five_thousand_hostile_inputs_are_accepted_or_refused(tmp_path: Path) -> None:
    figures = tmp_path / "fuzz.json"
    command = [sys.executable, "-m", "fuzz", "--inputs", "5000", "--seed", "7", "--json", str(figures)]
    places = {
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("", "sim", "test")),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=False)
    found = json.loads(figures.read_text())
    assert found["wrong"] == [], done.stderr[-2000:]
    assert (found["inputs"], found["crashes"], found["hangs"], found["executions"]) == (5000, 0, 0, 0)
    assert all(counts.get("refused", 0) for counts in found["loaders"].values())


def test_every_loader_has_files_to_change_and_only_its_own(tmp_path: Path) -> None:
    targets = make_targets(tmp_path)
    assert targets["detector"].names(targets["detector"].seeds[0]) == [
        "detector.json",
        "detector.safetensors",
    ]
    assert targets["graph"].names(targets["graph"].seeds[0]) == [
        "graphs/closed_loop.yaml",
        "graphs/params/policy_node.yaml",
        "graphs/policy.yaml",
    ]
    assert all(target.names(files) for target in targets.values() for files in target.seeds)
