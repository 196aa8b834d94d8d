"""A running policy node takes another critic without a pause, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from policy_world import NAME, World, save_tiny
from policy_world import checkpoint as checkpoint
from policy_world import contract_path as contract_path
from policy_world import launch as launch
from policy_world import world as world
from ros_graph import values
from std_srvs.srv import Trigger

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.inference.detector_file import digest_of

pytestmark = pytest.mark.ros


@pytest.fixture
def candidate(checkpoint: Path, tmp_path: Path) -> Path:
    """The same flow policy under another critic, with a weight of its own."""
    parent = load_checkpoint(checkpoint)
    for parameter in parent.networks.target_critic.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    defaults = type(parent.defaults)(guidance_weight=0.25, denoise_steps=4)
    made = Checkpoint(parent.networks, parent.normalizer, parent.interface, defaults, {})
    save_checkpoint(tmp_path / "candidate", made)
    return tmp_path / "candidate"


def swap(world: World) -> Trigger.Response:
    return world.peer.call(Trigger, f"{NAME}/swap", Trigger.Request())


def test_the_critic_is_swapped_between_two_chunks_and_the_episode_goes_on(
    launch: Any, world: World, checkpoint: Path, candidate: Path
) -> None:
    launch(deadline_s=10.0)
    assert world.chunk_for_wish().header.frame_id == digest_of(checkpoint)
    assert world.set("candidate", str(candidate)) == ""
    assert swap(world).success
    for _ in range(1000):  # chunks are made meanwhile, each from one of the two
        if world.chunk_for_wish().header.frame_id == digest_of(candidate):
            break
    sources = [chunk.header.frame_id for chunk in world.chunks]
    assert sources == [digest_of(checkpoint)] * (len(sources) - 1) + [digest_of(candidate)]
    world.peer.until(lambda: len(world.reports) >= len(world.chunks), "the reports")
    found = [values(report) for report in world.reports]
    assert [int(entry["index"]) for entry in found] == list(range(len(found)))
    assert (found[0]["weight_target"], found[-1]["weight_target"]) == ("0.5", "0.25")
    assert all(entry["sent"] == "true" for entry in found)
    assert world.state()["checkpoint"] == str(candidate)


def test_what_cannot_be_swapped_is_refused_and_the_node_goes_on(
    launch: Any, world: World, checkpoint: Path, contract_path: Path, tmp_path: Path
) -> None:
    process = launch(deadline_s=10.0)
    response = swap(world)
    assert not response.success
    assert "Parameter candidate is '', but it must be the path" in response.message
    other = save_tiny(tmp_path / "other", load_contract(contract_path).interface, weight=0.5)
    world.set("candidate", str(other))
    assert swap(world).success  # it is looked at beside
    world.keep_sensing(lambda: "has another flow policy or normalizer" in process.said, "the refusal")
    assert world.chunk_for_wish().header.frame_id == digest_of(checkpoint)
