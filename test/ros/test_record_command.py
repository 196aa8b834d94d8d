"""`qgf record` in a terminal of the test's own: keys mark episodes, and at its end the audit is told and written."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from contract_files import two_joints
from diagnostic_msgs.msg import DiagnosticStatus
from ros_graph import ENVIRONMENT, LATCHED, PATIENCE_S, Peer, values
from sensor_msgs.msg import JointState

from qgf_ros.bags.reader import is_finished, read_bag

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def test_keys_mark_episodes_and_the_audit_stands_in_the_figures(
    peer: Peer, namespace: str, tmp_path: Path
) -> None:
    person, program = pty.openpty()
    bag, figures, said = tmp_path / "bag", tmp_path / "figures.json", tmp_path / "said"
    arguments = [str(bag), "--contract", str(two_joints(tmp_path).path), "--namespace", namespace]
    marks = peer.collect(DiagnosticStatus, "recorder_node/episode", LATCHED)
    publisher = peer.node.create_publisher(JointState, "joint_states", 10)
    with said.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "qgf_ros.cli.main", "record", *arguments, "--json", str(figures)],
            stdin=program,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT},
            cwd=tmp_path,
        )

    def pressed(key: str, **expected: str) -> Callable[[], bool]:
        """Presses it once, and waits for its mark."""
        os.write(person, key.encode())
        return lambda: bool(marks) and expected.items() <= values(marks[-1]).items()

    try:
        peer.matched(publisher)
        publisher.publish(JointState())
        peer.until(pressed("b", episode="1", state="running"), "the beginning")
        peer.until(pressed("n", episode="1", outcome="failure"), "the failure")
        os.write(person, b"v")  # refused: no ring
        peer.until(pressed("b", episode="2", state="running"), "the next one")
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(PATIENCE_S)
        os.close(person)
        os.close(program)
    assert code == 0, said.read_text()
    assert "No ring is kept" in said.read_text()
    told = json.loads(figures.read_text())
    assert told["episodes"] == {"begun": 2, "success": 0, "failure": 1, "unmarked": 1}
    assert f"/{namespace}/command_node/executed" in told["silent"]
    assert told["topics"][f"/{namespace}/joint_states"]["messages"] == 1
    assert told["disk"]["used"] > 0
    assert is_finished(bag)
    assert len([entry for entry in read_bag(bag) if entry.topic.endswith("/episode")]) == 4
