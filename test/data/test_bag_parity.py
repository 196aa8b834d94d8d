"""The observations of the live node are made again from a bag, and compared with the digests in its reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints_with_command

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from played_bags import Said, at, executed, joints, later, report, surrounded, write

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_parity import Parity
from qgf_ros.data.formats.bag_reader import no_arm
from qgf_ros.datatypes import Observation

SEEN = {"joint_states": at(35), "command": at(34), "goal": at(33)}


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(two_joints_with_command(tmp_path))


def digest(joint_tick: int, command_tick: float, goal_tick: int) -> str:
    """Of the observation with these in it, by arithmetic of its own."""
    j, c, g = (1e-3 * tick for tick in (joint_tick, command_tick, goal_tick))
    attitude = [1.0, 0.0, 0.0, 0.0]
    values = [j, 2 * j, 3 * j, 4 * j, g, 0.0, 0.0, 1.0, 0.0, *attitude, c, c]
    return Observation(np.array(values, np.float32), 0).digest


def parity(folder: Path, contract: Contract, *more: Said) -> Parity:
    return BagSource(write(folder, [*surrounded(30, 3), *more], contract), no_arm).parity()


def test_an_observation_of_the_same_messages_is_the_same_bit_by_bit(
    contract: Contract, tmp_path: Path
) -> None:
    found = parity(tmp_path / "bag", contract, report(35, digest(35, 34, 33), **SEEN))
    assert found == Parity(live=1, same=1)


def test_one_bit_of_difference_is_seen(contract: Contract, tmp_path: Path) -> None:
    other = np.nextafter(np.float32(34e-3), np.float32(1.0)).item() * 1e3
    found = parity(tmp_path / "bag", contract, report(35, digest(35, other, 33), **SEEN))
    assert found == Parity(live=1, different=1)


def test_a_reading_that_was_not_recorded_is_told(contract: Contract, tmp_path: Path) -> None:
    found = parity(tmp_path / "bag", contract, report(35, digest(35, 34, 33), **SEEN | {"goal": at(34)}))
    assert (found.live, found.not_made) == (1, 1)
    assert found.why == f"No message of the input 'goal' has the stamp {at(34)}."


def test_of_two_readings_with_one_stamp_either_may_be_the_one(contract: Contract, tmp_path: Path) -> None:
    placed = later(executed(34, value=7), -0.5)
    for number, command in enumerate((7, 34)):
        found = parity(
            tmp_path / f"bag{number}", contract, placed, report(35, digest(35, command, 33), **SEEN)
        )
        assert found == Parity(live=1, same=1)


def test_a_report_that_was_recorded_before_its_readings_is_compared_all_the_same(
    contract: Contract, tmp_path: Path
) -> None:
    late = later(joints(60), 1)
    stamps = {"joint_states": at(60), "command": at(54), "goal": at(54)}
    found = parity(tmp_path / "bag", contract, late, report(60, digest(60, 54, 54), **stamps))
    assert (found.live, found.same) == (1, 1), found.why
