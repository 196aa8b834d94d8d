"""`qgf teleop` in a terminal of the test's own: keys take over, start, and move the arm."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_arm import Arm
from contract_files import two_joints, write_two_joints
from limit_checks import assert_inside_limits
from ros_graph import ENVIRONMENT, PATIENCE_S, values

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def test_keys_take_over_start_the_arm_and_move_it_and_its_end_is_told(
    active: Arm, namespace: str, tmp_path: Path
) -> None:
    person, program = pty.openpty()
    contract, figures = write_two_joints(tmp_path), tmp_path / "figures.json"
    arguments = [
        "--contract",
        str(contract),
        "--namespace",
        namespace,
        "--json",
        str(figures),
        "--speeds",
        "1.0",
    ]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "qgf_ros.cli.main", "teleop", *arguments],
            stdin=program,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT},
            cwd=tmp_path,
        )

    def pressed(key: str, **expected: str) -> bool:
        """Presses it, as often as a terminal repeats it."""
        os.write(person, key.encode())
        for _ in range(5):
            active.peer.until(lambda: True, "a turn")
        return bool(active.certificates) and expected.items() <= values(active.certificates[-1]).items()

    try:
        active.peer.until(lambda: pressed("T", in_command="teleop"), "the person in command")
        active.peer.until(lambda: pressed("G", reason=""), "the start")
        begun = active.executed[-1].points[0].positions[0]
        active.peer.until(
            lambda: pressed("1") and active.executed[-1].points[0].positions[0] > begun + 0.05, "motion"
        )
        active.peer.until(lambda: pressed("P", in_command="policy"), "the policy in command")
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(PATIENCE_S)
        os.close(person)
        os.close(program)
    assert code == 0, (tmp_path / "said").read_text()
    assert json.loads(figures.read_text())["chunks"] > 0
    text = (tmp_path / "said").read_text()
    assert "take over from the policy" in text
    assert "in command: teleop" in text
    assert_inside_limits(two_joints(tmp_path), active.rows())


def test_without_a_terminal_it_says_so_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qgf_ros.cli.main", "teleop"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **ENVIRONMENT},
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("qgf teleop: There is no terminal to move the robot by keys")
