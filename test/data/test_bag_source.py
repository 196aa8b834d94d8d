"""A bag becomes episodes: each action with what was known as it began, cut where something is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints_with_command

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from played_bags import Said, action, at, executed, goal, joints, later, mark, played, surrounded, write
from recorded_bags import STATUS

from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import METADATA
from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.convert import convert
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_reader import no_arm
from qgf_ros.data.formats.final_row import FINAL_ROW
from qgf_ros.data.recording import Episode, Recording
from qgf_ros.errors import NoActionsError, NoContractError, UnfitRecording

SIM, OPERATOR = "/sim_node/status", "/recorder_node/episode"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(two_joints_with_command(tmp_path))


def recordings(folder: Path) -> list[Recording]:
    return list(BagSource(folder, no_arm).recordings())


def ticks_of(recording: Recording) -> list[tuple[int, int, int]]:
    """Of each row: from which tick its joints, its command and its goal are."""
    values = recording.columns["observations"].values
    names = recording.columns["observations"].names
    places = [names.index(name) for name in ("angles shoulder", "commanded shoulder", "goal_position x")]
    return [tuple(row) for row in np.rint(1e3 * values[:, places]).astype(int).tolist()]


def actions_of(recording: Recording) -> list[int]:
    """Of each row: from which tick its action is."""
    return np.rint(1e3 * recording.columns["actions"].values[:, 0]).astype(int).tolist()


def test_a_row_is_an_action_with_the_newest_readings_before_it_and_the_command_of_the_tick_before(
    contract: Contract, tmp_path: Path
) -> None:
    [found] = recordings(write(tmp_path / "bag", surrounded(30, 4), contract))
    assert ticks_of(found) == [(30, 29, 30), (35, 34, 33), (40, 39, 39), (45, 44, 45), (50, 49, 50)]
    assert actions_of(found) == [30, 35, 40, 45, 45]
    assert found.columns[FINAL_ROW].values.tolist() == [False] * 4 + [True]
    assert np.diff(found.columns["stamps_ns"].values).tolist() == [50_000_000] * 4
    assert not found.columns["human"].values.any()


def test_all_components_are_those_that_the_contract_names(contract: Contract, tmp_path: Path) -> None:
    [found] = recordings(write(tmp_path / "bag", surrounded(30, 2), contract))
    row = dict(
        zip(
            found.columns["observations"].names, found.columns["observations"].values[0].tolist(), strict=True
        )
    )
    expected = {"angles shoulder": 0.03, "angles elbow": 0.06, "speeds elbow": 0.09, "speeds shoulder": 0.12}
    expected |= {
        "goal_position x": 0.03,
        "goal_yaw cosine": 1.0,
        "goal_attitude w": 1.0,
        "commanded elbow": 0.029,
    }
    assert {name: round(row[name], 6) for name in expected} == expected


def test_a_sensor_s_message_that_was_sent_after_the_action_was_not_known_then(
    contract: Contract, tmp_path: Path
) -> None:
    said = [later(entry, 3) if entry == goal(30) else entry for entry in surrounded(30, 2)]
    [found] = recordings(write(tmp_path / "bag", said, contract))
    assert ticks_of(found)[0] == (30, 29, 29)


def test_after_a_reset_the_first_row_has_the_command_that_was_placed_then_though_it_bears_the_tick_s_stamp(
    contract: Contract, tmp_path: Path
) -> None:
    placed = later(executed(30, value=7), -0.5)
    [found] = recordings(write(tmp_path / "bag", [placed, *surrounded(30, 2)], contract))
    assert [row[1] for row in ticks_of(found)] == [7, 34, 39]


@pytest.mark.parametrize("ticks", [-0.1, 0.5])
def test_whether_a_tick_s_command_or_its_action_was_recorded_first_changes_nothing(
    contract: Contract, tmp_path: Path, ticks: float
) -> None:
    said = [later(entry, ticks) if entry.topic.endswith("executed") else entry for entry in surrounded(30, 4)]
    [found] = recordings(write(tmp_path / "bag", said, contract))
    assert [row[1] for row in ticks_of(found)][:4] == [29, 34, 39, 44]


@pytest.mark.parametrize(
    ("second", "number"),
    [(50, 5), (60, 4), (50, 0), (49, 3)],
    ids=["an action is missing", "a pause of two periods", "a new start", "an action twice"],
)
def test_a_gap_ends_a_recording(contract: Contract, tmp_path: Path, second: int, number: int) -> None:
    said = [*surrounded(30, 4), *played(second, 3, number)]
    found = recordings(write(tmp_path / "bag", said, contract))
    [first, last] = [
        np.array(actions_of(entry))[~entry.columns[FINAL_ROW].values].tolist() for entry in found
    ]
    assert first == [30, 35, 40, 45]
    assert last == [second, second + 5, second + 10][: len(last)]
    assert len(last) > 1
    assert [entry.name for entry in found] == ["bag/0", "bag/1"]


def test_on_a_path_that_is_slowed_actions_last_longer_and_are_left_out(
    contract: Contract, tmp_path: Path
) -> None:
    """The last one before it too has no last observation: whether it had its whole period is not known."""
    said = [entry for entry in surrounded(30, 12) if "/action" not in entry.topic]
    begins = (30, 35, 40, 60, 80)
    source = BagSource(write(tmp_path / "bag", [*said, *map(action, begins, range(5))], contract), no_arm)
    [found] = source.recordings()
    assert actions_of(found) == [30, 35, 40]
    assert source.left_out == {"2 actions without one before or after": ""}


def test_a_person_who_takes_over_goes_on_in_the_same_recording_and_the_rows_say_so(
    contract: Contract, tmp_path: Path
) -> None:
    said = [*surrounded(30, 2), *played(40, 3, source="teleop"), joints(55), executed(55)]
    [found] = recordings(write(tmp_path / "bag", said, contract))
    assert actions_of(found) == [30, 35, 40, 45, 50, 50]
    assert found.columns["human"].values.tolist() == [False, False, True, True, True, False]


def simulated(tick: float, seed: int, done: bool, success: bool = False) -> Said:
    return mark(SIM, tick, seed=seed, done=str(done).lower(), success=str(success).lower(), task="reach")


def test_a_simulator_s_episodes_are_told_apart_with_outcome_and_task_and_what_follows_an_end_is_left_out(
    contract: Contract, tmp_path: Path
) -> None:
    said = [
        *surrounded(30, 12),
        simulated(10, 1, False),
        simulated(52, 1, True, True),
        simulated(62, 2, False),
    ]
    said += [simulated(84, 2, True, False)]
    source = BagSource(write(tmp_path / "bag", said, contract), no_arm)
    first, second = source.recordings()
    assert (actions_of(first), first.success, first.task) == ([30, 35, 40, 45, 50, 50], True, "reach")
    assert (actions_of(second), second.success) == ([65, 70, 75, 80, 80], False)
    assert list(source.left_out) == ["3 actions played while no episode went on"]


def test_what_an_operator_marks_comes_before_what_a_simulator_says(
    contract: Contract, tmp_path: Path
) -> None:
    said = [*surrounded(30, 6), simulated(10, 1, False), simulated(58, 1, True, False)]
    said += [
        mark(OPERATOR, 33, episode=1, state="running"),
        mark(OPERATOR, 57, episode=1, state="ended", outcome="success"),
    ]
    [found] = recordings(write(tmp_path / "bag", said, contract))
    assert (actions_of(found), found.success) == ([35, 40, 45, 50, 55, 55], True)


def test_no_last_observation_is_taken_from_the_episode_after(contract: Contract, tmp_path: Path) -> None:
    said = [*surrounded(30, 4), simulated(10, 1, False), simulated(47, 2, False)]
    [found] = recordings(write(tmp_path / "bag", said, contract))
    assert actions_of(found) == [30, 35, 40, 45]
    assert not found.columns[FINAL_ROW].values.any()


def test_rows_without_an_observation_are_left_out_with_the_reason_and_cut_the_recording(
    contract: Contract, tmp_path: Path
) -> None:
    missing = range(33, 51)
    said = [entry for entry in surrounded(30, 10) if entry not in [joints(tick) for tick in missing]]
    source = BagSource(write(tmp_path / "bag", said, contract), no_arm)
    found = list(source.recordings())
    assert [actions_of(entry) for entry in found] == [[30, 35, 40], [55, 60, 65, 70, 75, 75]]
    assert [entry.name for entry in found] == ["bag/0", "bag/0.1"]
    [(what, why)] = source.left_out.items()
    assert what == "2 rows (stale)"
    assert "joint_states" in why


@pytest.mark.parametrize("pace", [0.05, 10.0])
def test_a_simulation_that_runs_faster_or_slower_than_the_wall_gives_the_same(
    contract: Contract, tmp_path: Path, pace: float
) -> None:
    said = [*surrounded(30, 12), simulated(10, 1, False), simulated(92, 2, False), *surrounded(120, 4)]
    paced = [replace(entry, sent_ns=at(0) + round((entry.sent_ns - at(0)) * pace)) for entry in said]
    for expected, found in zip(
        recordings(write(tmp_path / "first", said, contract)),
        recordings(write(tmp_path / "bag", paced, contract)),
        strict=True,
    ):
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name].values, column.values)


@pytest.mark.parametrize("is_finished", [True, False])
@pytest.mark.parametrize("storage", Storage)
def test_both_storages_finished_or_not_give_the_same(
    contract: Contract, tmp_path: Path, storage: Storage, is_finished: bool
) -> None:
    [expected] = recordings(write(tmp_path / "first", surrounded(30, 20), contract))
    [found] = recordings(write(tmp_path / "bag", surrounded(30, 20), contract, storage, is_finished))
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name].values, column.values)


def test_a_bag_without_a_contract_is_read_under_the_one_that_is_stated(
    contract: Contract, tmp_path: Path
) -> None:
    folder = write(tmp_path / "bag", surrounded(30, 4), contract)
    (folder / METADATA).unlink()
    with pytest.raises(NoContractError, match="its recorder noted none"):
        BagSource(folder, no_arm)
    assert len(list(BagSource(folder, no_arm, contract).recordings())) == 1


def test_a_bag_without_actions_or_with_those_of_two_nodes_is_one_sentence(
    contract: Contract, tmp_path: Path
) -> None:
    none = write(tmp_path / "none", [joints(1)], contract)
    with pytest.raises(NoActionsError, match=r"command_node/action\), but none: record one with"):
        BagSource(none, no_arm)
    both = [*surrounded(30, 4), *(replace(entry, topic="/left" + entry.topic) for entry in played(30, 4))]
    with pytest.raises(NoActionsError, match=r"2 command nodes \(/, /left/\)"):
        BagSource(write(tmp_path / "both", both, contract), no_arm)


def test_actions_of_another_robot_are_refused_by_their_dimensions(contract: Contract, tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", [action(30, 0, names=("x", "y"))], contract)
    with pytest.raises(UnfitRecording, match="have the dimensions x, y, and not shoulder, elbow"):
        BagSource(folder, no_arm)


def test_an_input_that_was_recorded_as_another_type_is_named(contract: Contract, tmp_path: Path) -> None:
    said = [entry for entry in surrounded(30, 4) if entry.topic != "/goal_pose"]
    other = replace(mark("/goal_pose", 20), kind=STATUS)
    source = BagSource(write(tmp_path / "bag", [*said, other], contract), no_arm)
    assert list(source.recordings()) == []
    assert any(
        "it was recorded as diagnostic_msgs/msg/DiagnosticStatus" in why for why in source.left_out.values()
    )


def test_a_recording_becomes_an_episode_with_the_actions_that_were_played(
    contract: Contract, tmp_path: Path
) -> None:
    source = BagSource(write(tmp_path / "bag", surrounded(30, 4), contract), no_arm)
    [converted] = convert(source, "bag", contract.interface, None)
    assert isinstance(converted.episode, Episode)
    np.testing.assert_allclose(converted.episode.actions[:4, 1], 1e-3 * np.array([30, 35, 40, 45]), rtol=1e-6)
    assert set(converted.episode.extra) == {"human", "stamps_ns", FINAL_ROW}


def test_convert_writes_a_data_set_and_its_figures(contract: Contract, tmp_path: Path) -> None:
    said = [*surrounded(30, 4), *surrounded(130, 5)]
    bag, out, figures = write(tmp_path / "bag", said, contract), tmp_path / "data", tmp_path / "figures.json"
    words = ["convert", str(bag), str(out), "--contract", str(contract.path), "--json", str(figures)]
    assert main(words) == 0
    found = json.loads(figures.read_text())
    assert (found["format"], found["episodes"], found["rows"], found["refused"]) == ("rosbag2", 2, 11, [])
    assert main([*words[:1], str(out), str(tmp_path / "again"), *words[3:]]) == 0
