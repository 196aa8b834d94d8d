"""The policy node with an exported policy, where there is no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import TOLERANCE
from policy_world import TICK, World
from policy_world import checkpoint as checkpoint
from policy_world import contract_path as contract_path
from policy_world import launch as launch
from policy_world import world as world

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.inference.export import export_onnx

pytest.importorskip("onnx", reason="needs onnx: pip install 'qgf_ros[onnx]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'qgf_ros[onnx]'")

pytestmark = pytest.mark.ros

WITHOUT_TORCH = "policy_node_without_torch"


@pytest.fixture
def exported(checkpoint: Path, tmp_path: Path) -> Path:
    """The world's checkpoint as a file."""
    return export_onnx(load_checkpoint(checkpoint), tmp_path / "tiny.onnx").path


def actions(world: World, begin: int) -> np.ndarray:
    """Two chunks from the same readings, in lockstep."""
    chunks = [world.lockstep_chunk(begin), world.lockstep_chunk(begin + TICK, previous_ns=begin)]
    return np.array([point.positions for chunk in chunks for point in chunk.points])


def test_without_torch_it_sends_the_chunks_of_the_specification(
    start: Any, launch: Any, world: World, contract_path: Path, exported: Path
) -> None:
    first = launch(lockstep=True, engine="reference", seed=3)
    expected = actions(world, 100 * TICK)
    assert first.end() == 0
    begun = len(world.states)
    node = start(
        WITHOUT_TORCH, contract=contract_path, checkpoint=exported, autostart=True, lockstep=True, seed=3
    )
    world.matched()
    world.peer.until(lambda: len(world.states) > begun and world.state().get("state") == "active", "the node")
    np.testing.assert_allclose(actions(world, 200 * TICK), expected, rtol=0.0, atol=TOLERANCE)
    assert "onnx (fp32, CPU, 1 thread)" in node.said


def test_without_torch_a_folder_is_refused_in_one_sentence(
    start: Any, world: World, contract_path: Path, checkpoint: Path
) -> None:
    node = start(WITHOUT_TORCH, contract=contract_path, checkpoint=checkpoint, autostart=True)
    assert node.wait() == 1
    assert "needs PyTorch, which is not installed here: install torch, or name a file that" in node.said
    assert "Traceback" not in node.said
