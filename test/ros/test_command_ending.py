"""However the command node ends, the arm is braked to rest from its last command, and then there is silence."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_arm import ACTIVATE, CLEANUP, DEACTIVATE, NODE, Arm, change
from contract_files import two_joints, write_two_joints
from limit_checks import assert_inside_limits
from ros_graph import values
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros


def begin_moving(start: Callable[..., Any], arm: Arm, folder: Path, module: str = NODE) -> Any:
    """A command node in the middle of a chunk; its process."""
    process = start(module, contract=write_two_joints(folder), full_speed_confirmed=True, autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    arm.start_moving()
    return process


def test_deactivate_returns_at_once_ramps_to_hold_and_then_is_silent(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    begun = len(active.executed)
    assert change(active.peer, DEACTIVATE)
    active.until_at_rest(begun)
    assert_inside_limits(two_joints(tmp_path), active.rows())
    assert not active.peer.call(Trigger, "command_node/start").success
    quiet, until = len(active.executed), time.monotonic() + 0.3
    active.peer.until(lambda: time.monotonic() > until, "thirty ticks' time")
    assert len(active.executed) == quiet
    assert change(active.peer, ACTIVATE)
    active.until_certified("commands again", rung="hold", commands="1")
    active.peer.until(lambda: len(active.executed) > quiet, "commands again")
    assert change(active.peer, DEACTIVATE)
    assert change(active.peer, CLEANUP)


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGINT,),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM,),
        (signal.SIGTERM, signal.SIGINT),
        (signal.SIGHUP,),
    ],
    ids=lambda numbers: "+".join(number.name for number in numbers),
)
def test_a_signal_ramps_to_hold_and_a_second_one_changes_nothing(
    start: Callable[..., Any], arm: Arm, tmp_path: Path, signals: tuple[signal.Signals, ...]
) -> None:
    process = begin_moving(start, arm, tmp_path)
    begun, said = len(arm.executed), len(process.said)
    for number in signals:
        subprocess.run(["kill", f"-{number.value}", str(process.pid)], check=True)
    arm.until_at_rest(begun)
    assert process.wait() == 0
    assert "Traceback" not in process.said
    assert "error" not in process.said[said:].lower()
    assert_inside_limits(two_joints(tmp_path), arm.rows())
    assert not (tmp_path / "out").exists()  # an ordinary end is no reason to record


def test_an_exception_in_a_callback_ramps_to_rest_is_logged_and_recorded(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    process = begin_moving(start, arm, tmp_path, "failing_command_node")
    begun = len(arm.executed)
    client = arm.peer.node.create_client(Trigger, "command_node/fail")
    arm.peer.until(client.service_is_ready, "the service")
    client.call_async(Trigger.Request())
    arm.until_at_rest(begun)
    assert process.wait() == 1
    assert "internal error: ZeroDivisionError('a bug of ours')" in process.said
    assert_inside_limits(two_joints(tmp_path), arm.rows())
    [box] = (tmp_path / "out" / "black_box").iterdir()
    assert box.name.endswith("-exception")
    assert str(box) in process.said


def soft(content: dict[str, Any]) -> None:
    """An arm that needs longer than three seconds to rest; a busy machine may let it wait for joint states and for ticks."""
    content["interface"]["control_period_s"] = 1.0
    for dimension in content["interface"]["action"]["dimensions"]:
        dimension["scale"] = 40.0
    for entry in content["deployment"]["inputs"].values():
        entry["max_age_s"] = 10.0
    for limits in content["deployment"]["limits"].values():
        limits |= {
            "lower": -40.0,
            "upper": 40.0,
            "velocity": 3.14,
            "acceleration": 0.8,
            "tracking_error": 9.0,
        }


def begin_moving_softly(start: Callable[..., Any], arm: Arm, folder: Path, module: str = NODE) -> Any:
    """A command node whose arm is nearly as fast as it may be; its process. Held by a busy machine, it is started again."""
    contract = write_two_joints(folder, soft)
    process = start(module, contract=contract, full_speed_confirmed=True, autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    arm.peer.until(lambda: arm.executed, "what was executed")
    while not is_fast(arm):
        arm.start()
        arm.until_certified("the wish for a chunk", wants_chunk="true")
        begun = len(arm.certificates)
        way = -np.copysign(20.0, arm.rows(len(arm.executed) - 1)[-1, 0])
        arm.propose(way[None], period_ns=1_000_000_000)
        arm.peer.until(lambda begun=begun: is_fast(arm) or is_held(arm, begun), "speed")
    return process


def is_fast(arm: Arm) -> bool:
    return bool(np.abs(arm.rows(len(arm.executed) - 1)[-1, 1]).min() > 3.1)


def is_held(arm: Arm, begun: int) -> bool:
    return any(values(message)["rung"] == "hold" for message in arm.certificates[begun:])


def test_a_stop_that_takes_longer_than_three_seconds_is_not_cut_by_a_signal(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    process = begin_moving_softly(start, arm, tmp_path)
    begun = len(arm.executed)
    subprocess.run(["kill", "-INT", str(process.pid)], check=True)
    arm.until_at_rest(begun)
    assert process.wait() == 0
    assert "could not" not in process.said
    assert_inside_limits(two_joints(tmp_path, soft), arm.rows())


def test_an_activation_while_the_arm_moves_waits_until_it_rests(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    """Placed anew at once, the command would stand while the arm is at full speed."""
    begin_moving_softly(start, arm, tmp_path)
    assert change(arm.peer, DEACTIVATE)
    assert change(arm.peer, ACTIVATE)
    arm.until_certified("commands again", rung="hold", reason="not started", commands="1")
    assert_inside_limits(two_joints(tmp_path, soft), arm.rows())


def test_while_an_arm_that_does_not_brake_moves_that_is_fatal_and_activation_is_refused(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    process = begin_moving_softly(start, arm, tmp_path, "coasting_command_node")
    assert change(arm.peer, DEACTIVATE)
    begun = len(arm.executed)
    assert not change(arm.peer, ACTIVATE)
    assert "The arm could not be braked to rest: it still moves after" in process.said
    assert "The arm still moves, so its command cannot be placed anew" in process.said
    arm.until_at_rest(begun)
    assert change(arm.peer, ACTIVATE)
