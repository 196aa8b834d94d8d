"""The policy node with a detector: above the alarm guidance fades, chunks ask for less speed, and people are told why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from detectors import save_with_detector
from policy_world import World, save_tiny
from policy_world import contract_path as contract_path
from policy_world import launch as launch
from policy_world import world as world
from ros_graph import values

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.inference.detector_file import digest_of
from qgf_ros.nodes.diagnostics import Level

pytestmark = pytest.mark.ros


@pytest.fixture
def checkpoint(contract_path: Path, tmp_path: Path) -> Path:
    """A tiny checkpoint whose data lay within -1 and 1, with its detector."""
    interface = load_contract(contract_path).interface
    folder = save_tiny(tmp_path / "watched", interface)
    save_with_detector(folder, load_checkpoint(folder))
    return folder


def period_ns(world: World) -> int:
    """Of the last chunk: between its points."""
    first, second = world.chunks[-1].points[:2]
    return stamp_ns(second.time_from_start) - stamp_ns(first.time_from_start)


def test_within_the_data_chunks_go_at_full_speed_and_name_their_checkpoint(
    launch: Any, world: World, checkpoint: Path
) -> None:
    launch(deadline_s=10.0)
    chunk = world.chunk_for_wish()
    assert period_ns(world) == 50_000_000
    assert chunk.header.frame_id == digest_of(checkpoint)
    world.peer.until(lambda: world.reports, "the report")
    found = values(world.reports[0])
    assert (found["flagged"], float(found["guidance_share"]), float(found["speed"])) == ("false", 1.0, 1.0)
    world.keep_sensing(lambda: "as in the data" in world.diagnosed("novelty", Level.OK), "the diagnostic")


def test_outside_of_the_data_guidance_fades_and_chunks_slow_down(launch: Any, world: World) -> None:
    launch(deadline_s=10.0)
    world.positions = [3.0, 0.2]  # elbow, shoulder
    for _ in range(5):
        world.chunk_for_wish()
        world.peer.until(lambda: len(world.reports) >= len(world.chunks), "the report")
    assert period_ns(world) == 100_000_000
    found = [values(report) for report in world.reports]
    assert all(entry["flagged"] == "true" for entry in found)
    assert float(found[0]["weight"]) > float(found[1]["weight"]) > float(found[-1]["weight"]) == 0.0
    assert found[-1]["guided_steps"] == "0"
    assert "elbow is 1 rad outside of the data" in found[-1]["novelty_subject"]  # it counts no more than 1
    world.keep_sensing(
        lambda: any("elbow" in words for words in world.diagnosed("novelty", Level.WARN)), "the diagnostic"
    )


def test_the_detector_can_be_switched_off(launch: Any, world: World) -> None:
    launch(deadline_s=10.0, detector=False)
    world.positions = [3.0, 0.2]
    world.chunk_for_wish()
    world.peer.until(lambda: world.reports, "the report")
    assert "flagged" not in values(world.reports[0])
    assert period_ns(world) == 50_000_000
