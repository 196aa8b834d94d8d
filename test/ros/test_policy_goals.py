"""A policy node whose contract has goals: it waits for one, takes the newest, and says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_files import two_joints_with_command
from goal_world import add_goal
from policy_world import NAME, TICK, World
from policy_world import checkpoint as checkpoint
from policy_world import launch as launch
from policy_world import world as world
from ros_graph import values
from std_srvs.srv import Trigger

from qgf_ros.contract.load import load_contract
from qgf_ros.nodes.recorder_topics import topics

pytestmark = pytest.mark.ros


@pytest.fixture
def contract_path(tmp_path: Path) -> Path:
    return two_joints_with_command(tmp_path, add_goal)


def positions(chunk: Any) -> list[list[float]]:
    """The actions of a chunk."""
    return [list(point.positions) for point in chunk.points]


def test_no_chunk_is_made_before_a_goal_came_and_the_node_says_why(launch: Any, world: World) -> None:
    launch()
    world.wish(world.now_ns())
    world.keep_sensing(lambda: world.states and "No goal" in world.states[-1].message, "the refusal")
    world.until_complaint("No goal came yet on 'goal'")
    assert world.state()["state"] == "active"
    assert "goal" not in world.state()
    assert not world.chunks
    world.state_goal(0.3)
    world.peer.until(lambda: world.state().get("goal") == "0.3 0 0", "the goal in ~/status")
    assert world.chunk_for_wish()
    world.peer.until(lambda: world.reports, "the report")
    assert values(world.reports[-1])["goal"] == "0.3 0 0"


def test_a_goal_that_was_stated_before_the_node_began_is_known(launch: Any, world: World) -> None:
    world.state_goal(-0.2)
    launch()
    world.peer.until(lambda: world.state().get("goal") == "-0.2 0 0", "the goal in ~/status")
    assert world.chunk_for_wish()


def test_a_changed_goal_changes_the_next_chunk_and_nothing_else_does(launch: Any, world: World) -> None:
    launch(lockstep=True)

    def first_chunk(number: int, x: float) -> list[list[float]]:
        world.state_goal(x)
        world.peer.until(lambda: world.state().get("goal") == f"{x:g} 0 0", f"the goal {x}")
        assert world.peer.call(Trigger, f"{NAME}/reset").success
        return positions(world.lockstep_chunk(100 * number * TICK))

    here, there, here_again = (first_chunk(number, x) for number, x in ((1, 0.4), (2, -0.4), (3, 0.4)))
    assert here == here_again
    assert here != there


def test_a_goal_in_another_frame_is_refused_by_name(launch: Any, world: World) -> None:
    launch()
    world.state_goal(0.3, frame="camera")
    world.peer.until(lambda: "goal" in world.state(), "the goal in ~/status")
    world.wish(world.now_ns())
    world.keep_sensing(lambda: "camera" in world.states[-1].message, "the refusal")
    world.until_complaint("The goal on 'goal' is in frame 'camera'; the contract accepts 'base_link'")
    assert not world.chunks


def test_a_recording_holds_the_goals(contract_path: Path) -> None:
    assert "goal" in topics(load_contract(contract_path))
