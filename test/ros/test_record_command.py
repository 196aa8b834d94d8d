"""`qgf record` in a terminal of the test's own: keys mark episodes, and at its end the audit is told and written."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from contract_files import two_joints
from diagnostic_msgs.msg import DiagnosticStatus
from ros_graph import ENVIRONMENT, LATCHED, PATIENCE_S, Peer, values
from sensor_msgs.msg import JointState

from qgf_ros.bags.reader import is_finished, read_bag

pytestmark = [pytest.mark.ros, pytest.mark.slow]


class Recording:
    """`qgf record` at a terminal, with what it said and the figures that it wrote."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.bag, self._figures, self._said = folder / "bag", folder / "figures.json", folder / "said"
        self._person, self._program = pty.openpty()
        arguments = [str(self.bag), "--contract", str(two_joints(folder).path), "--namespace", namespace]
        with self._said.open("w") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "qgf_ros.cli.main",
                    "record",
                    *arguments,
                    "--json",
                    str(self._figures),
                ],
                stdin=self._program,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ENVIRONMENT},
                cwd=folder,
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._figures.read_text())
        return found

    def press(self, key: str) -> None:
        os.write(self._person, key.encode())

    def end(self) -> int:
        """Ctrl-C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(PATIENCE_S)
        os.close(self._person)
        os.close(self._program)
        return code


def test_keys_mark_episodes_and_the_audit_stands_in_the_figures(
    peer: Peer, namespace: str, tmp_path: Path
) -> None:
    marks = peer.collect(DiagnosticStatus, "recorder_node/episode", LATCHED)
    publisher = peer.node.create_publisher(JointState, "joint_states", 10)
    recording = Recording(tmp_path, namespace)

    def pressed(key: str, **expected: str) -> Callable[[], bool]:
        """Presses it once, and waits for its mark."""
        recording.press(key)
        return lambda: bool(marks) and expected.items() <= values(marks[-1]).items()

    try:
        peer.matched(publisher)
        publisher.publish(JointState())
        peer.until(pressed("b", episode="1", state="running"), "the beginning")
        peer.until(pressed("n", episode="1", outcome="failure"), "the failure")
        recording.press("v")  # refused: no ring
        peer.until(pressed("b", episode="2", state="running"), "the next one")
    finally:
        code = recording.end()
    assert code == 0, recording.said
    assert "No ring is kept" in recording.said
    told = recording.figures
    assert told["episodes"] == {"begun": 2, "success": 0, "failure": 1, "unmarked": 1}
    assert f"/{namespace}/command_node/executed" in told["silent"]
    assert told["topics"][f"/{namespace}/joint_states"]["messages"] == 1
    assert told["disk"]["used"] > 0
    assert is_finished(recording.bag)
    assert len([entry for entry in read_bag(recording.bag) if entry.topic.endswith("/episode")]) == 4


def test_a_recording_whose_folder_has_gone_ends_with_a_sentence_and_figures_without_an_audit(
    peer: Peer, namespace: str, tmp_path: Path
) -> None:
    publisher = peer.node.create_publisher(JointState, "joint_states", 10)
    recording = Recording(tmp_path, namespace)
    try:
        peer.matched(publisher)
        shutil.rmtree(recording.bag)
    finally:
        recording.end()
    assert "There is no audit: " in recording.said
    assert "Traceback" not in recording.said
    assert recording.figures["folder"] == str(recording.bag)
    assert "topics" not in recording.figures
