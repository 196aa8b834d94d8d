"""What the command node does with ticks that a busy computer could not serve, by the kind of controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import write_two_joints
from ros_graph import Peer

from qgf_ros.control.limits import Motion
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.nodes.command_parameters import TABLE
from qgf_ros.nodes.command_setup import prepare
from qgf_ros.nodes.commander import Commander

pytestmark = pytest.mark.ros
BEGIN_NS = 1_000_000_000
MISSED = 5


def moving(peer: Peer, folder: Path, kind: str) -> tuple[Commander, Motion, Motion]:
    """A commander in full motion, its command, and where its plan leads in `MISSED` ticks and one more."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["outputs"][0]["kind"] = kind

    contract = write_two_joints(folder, edit)
    values = {row.name: row.default for row in TABLE}
    values |= {"contract": str(contract), "full_speed_confirmed": True, "black_box": ""}
    commander = Commander(peer.node, prepare(values, ""), BEGIN_NS)
    see(commander, BEGIN_NS)
    commander.tick(BEGIN_NS)
    commander.session.start(BEGIN_NS)
    chunk = ActionChunk(("shoulder", "elbow"), np.array([[0.1, 0.2]]), BEGIN_NS)
    commander.session.offer(chunk, BEGIN_NS)
    for _ in range(8):
        commander.tick(BEGIN_NS)
    commander.keep_pace(BEGIN_NS)
    gate = commander._gate
    [after] = gate.limiter.to_rest(np.array([(MISSED + 1) * commander.contract.tick_ns * 1e-9]))
    return commander, gate.limiter.state, after


def see(commander: Commander, stamp_ns: int) -> None:
    """Joint states come."""
    reading = JointReading(stamp_ns, ("shoulder", "elbow"), np.array([0.5, -0.25]), np.zeros(0), np.zeros(0))
    commander.monitor.update(reading)


def positions_after_missed_ticks(commander: Commander) -> np.ndarray:
    """The command of the tick that is served after `MISSED` were not."""
    assert commander.keep_pace(BEGIN_NS + (MISSED + 1) * commander.contract.tick_ns) == MISSED
    commander.tick(BEGIN_NS)
    assert commander.last is not None
    assert commander.last.command is not None
    return commander.last.command.positions


def test_a_trajectory_controller_is_not_called_back_to_where_it_was_ticks_ago(
    peer: Peer, tmp_path: Path
) -> None:
    commander, _, after = moving(peer, tmp_path, "trajectory")
    np.testing.assert_allclose(positions_after_missed_ticks(commander), after.positions, atol=1e-6)


def test_a_group_controller_that_holds_its_last_command_goes_on_from_there(
    peer: Peer, tmp_path: Path
) -> None:
    commander, before, after = moving(peer, tmp_path, "group")
    moved = np.abs(positions_after_missed_ticks(commander) - before.positions)
    assert np.all(moved < 0.5 * np.abs(after.positions - before.positions))
