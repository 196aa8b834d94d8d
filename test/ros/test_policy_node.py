"""The policy node in a process of its own answers wishes, and does as its services and parameters say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from policy_world import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE, NAME, NODE, TICK, World
from policy_world import checkpoint as checkpoint
from policy_world import contract_path as contract_path
from policy_world import launch as launch
from policy_world import world as world
from ros_graph import values
from std_srvs.srv import Trigger

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.nodes.diagnostics import Level, status

pytestmark = pytest.mark.ros


def test_a_wish_is_answered_by_one_chunk_from_newer_readings(
    launch: Any, world: World, contract_path: Path
) -> None:
    launch()
    since = world.now_ns()
    chunk = world.chunk_for_wish()
    assert tuple(chunk.joint_names) == load_contract(contract_path).interface.action.names
    assert stamp_ns(chunk.header.stamp) >= since
    assert [stamp_ns(point.time_from_start) for point in chunk.points] == [
        50_000_000 * n for n in (1, 2, 3, 4)
    ]
    assert all(
        abs(point.positions[0]) <= 0.1 and abs(point.positions[1] - 0.05) <= 0.2 for point in chunk.points
    )


def test_the_report_tells_how_the_chunk_came_about(launch: Any, world: World) -> None:
    launch(seed=7, deadline_s=10.0)
    chunk = world.chunk_for_wish()
    world.peer.until(lambda: world.reports, "the report")
    found = values(world.reports[0])
    assert (found["seed"], found["index"]) == ("7", "0")
    assert int(found["stamp_ns"]) == stamp_ns(chunk.header.stamp)
    assert (float(found["weight"]), found["guided_steps"], found["denoise_steps"]) == (0.5, "4", "4")
    assert float(found["latency_ms"]) > 0.0
    assert np.isfinite([float(found[name]) for name in ("q_first", "q_final", "guidance_norm")]).all()
    world.keep_sensing(lambda: world.diagnosed("guidance", Level.OK), "the guidance diagnostic")
    world.keep_sensing(
        lambda: "in time" in world.diagnosed("inference", Level.OK), "the inference diagnostic"
    )
    world.keep_sensing(lambda: world.diagnosed("inputs", Level.OK), "the inputs diagnostic")


def test_the_lifecycle_goes_round_twice(
    start: Any, world: World, contract_path: Path, checkpoint: Path
) -> None:
    start(NODE, contract=contract_path, checkpoint=checkpoint)
    for _ in range(2):
        assert world.change(CONFIGURE)
        assert not world.peer.call(Trigger, f"{NAME}/start").success
        assert world.change(ACTIVATE)
        world.matched()
        assert world.chunk_for_wish()
        assert world.change(DEACTIVATE)
        begun = len(world.chunks)
        world.wish(world.now_ns())
        reached = world.now_ns() + 300_000_000
        world.keep_sensing(lambda: world.now_ns() > reached, "a while")  # noqa: B023  asked at once
        assert len(world.chunks) == begun
        assert world.change(CLEANUP)
        world.peer.until(lambda: world.state().get("state") == "unconfigured", "the end of the round")


def test_what_changes_the_cost_of_a_chunk_may_change_only_while_inactive(launch: Any, world: World) -> None:
    launch(deadline_s=10.0)  # so that a busy machine does not make the plan smaller
    assert "changed only while the node is inactive" in world.set("estimator", "noisy")
    assert "changed only while the node is inactive" in world.set("candidates", 4)
    assert world.change(DEACTIVATE)
    assert world.set("estimator", "nonsense")
    assert (world.set("estimator", "noisy"), world.set("candidates", 4)) == ("", "")
    assert world.change(ACTIVATE)
    world.chunk_for_wish()
    world.peer.until(lambda: world.reports, "the report")
    assert values(world.reports[-1])["candidates"] == "4"
    world.peer.until(lambda: world.state().get("estimator") == "noisy", "the new estimator in ~/status")


def test_a_changed_weight_comes_into_force_along_its_ramp(launch: Any, world: World) -> None:
    launch(lockstep=True, weight_ramp_s=1.0)
    second = 100 * TICK
    world.lockstep_chunk(second)
    assert world.set("guidance_weight", 1.5) == ""
    assert world.set("guidance_weight", 5000.0)
    for part in (1, 2, 3):
        world.lockstep_chunk(second + part * second // 2, previous_ns=second + (part - 1) * second // 2)
    world.peer.until(lambda: len(world.reports) == 4, "four reports")
    assert [float(values(report)["weight"]) for report in world.reports] == [0.5, 1.0, 1.5, 1.5]
    assert [float(values(report)["weight_target"]) for report in world.reports] == [0.5, 1.5, 1.5, 1.5]


def test_a_reset_begins_the_same_noise_again_and_another_seed_another(launch: Any, world: World) -> None:
    launch(lockstep=True, seed=3)

    def two_chunks(begin: int) -> list[list[float]]:
        first = world.lockstep_chunk(begin)
        second = world.lockstep_chunk(begin + TICK, previous_ns=begin)
        return [list(point.positions) for chunk in (first, second) for point in chunk.points]

    found = [two_chunks(100 * TICK)]
    for number, seed in ((1, 3), (2, 4)):
        assert world.set("seed", seed) == ""
        assert world.peer.call(Trigger, f"{NAME}/reset").message == f"seed {seed}"
        found.append(two_chunks((100 + 100 * number) * TICK))
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert found[0][:4] != found[0][4:]


def test_in_lockstep_the_stated_costs_decide_what_is_planned_every_time_the_same(
    launch: Any, world: World
) -> None:
    process = launch(lockstep=True, virtual_fixed_s=0.01, virtual_step_s=0.001, virtual_guided_step_s=0.01)
    assert (
        "a walk of 4 steps takes 50.00 ms of the 45 ms that a wish leaves, too long: planned are"
        in process.said
    )
    for number in (100, 200):
        assert world.peer.call(Trigger, f"{NAME}/reset").success
        world.lockstep_chunk(number * TICK)
    world.peer.until(lambda: len(world.reports) == 2, "two reports")
    reports = [values(report) for report in world.reports]
    for found in reports:
        assert (found["level"], found["ending"], found["cut"]) == ("fewer_guided", "in_time", "false")
        assert (found["denoise_steps"], found["guided_steps"], found["candidates"]) == ("4", "2", "1")
        assert float(found["spent_ms"]) == pytest.approx(32.0)
    world.keep_sensing(lambda: world.diagnosed("ladder", Level.WARN), "the ladder diagnostic")


def test_a_stop_keeps_it_silent_until_a_start(launch: Any, world: World) -> None:
    launch()
    assert world.peer.call(Trigger, f"{NAME}/stop").success
    world.wish(world.now_ns())
    reached = world.now_ns() + 300_000_000
    world.keep_sensing(lambda: world.now_ns() > reached, "a while")
    assert not world.chunks
    assert world.peer.call(Trigger, f"{NAME}/start").success
    world.keep_sensing(lambda: world.chunks, "a chunk")


def test_a_signal_ends_it_well(launch: Any) -> None:
    assert launch().end() == 0


def test_a_message_that_is_no_certificate_is_ignored(launch: Any, world: World) -> None:
    process = launch()
    world.send_certificate(DiagnosticArray())
    world.send_certificate(DiagnosticArray(status=[status("other", Level.OK, "", {"wants_chunk": True})]))
    world.chunk_for_wish()
    assert "A message without a certificate was ignored." in process.said
    assert "Traceback" not in process.said
