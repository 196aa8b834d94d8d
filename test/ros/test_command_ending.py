"""However the command node ends, the arm is braked to rest from its last command, and then there is silence."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_arm import ACTIVATE, CLEANUP, DEACTIVATE, NODE, Arm, change
from contract_files import two_joints, write_two_joints
from limit_checks import assert_inside_limits
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
    begun = len(arm.executed)
    for number in signals:
        subprocess.run(["kill", f"-{number.value}", str(process.pid)], check=True)
    arm.until_at_rest(begun)
    assert process.wait() == 0
    assert "Traceback" not in process.said
    assert "error" not in process.said.lower()
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
