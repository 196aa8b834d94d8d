"""A recorder that began to listen to a topic late: what it could not hear is told, and nobody is accused of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from recorded_bags import record
from verified_world import Certified, Entry, World

from qgf_ros.bags.reader import read_facts
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.bag import Report, verify_bag

TICKS, AT_REST = 400, 150  # the arm holds for longer than a recording's beginning before its first chunk
CHUNKS = "/policy_node/chunk"


@pytest.fixture(scope="module")
def late() -> World:
    """It is recorded how the arm holds; then motion is started."""
    world = World("jaco_reach", 3)
    for count in range(TICKS):
        if count == AT_REST:
            world._start()
        world.tick(True, True)
    return world


def without_first_chunk(entries: list[Entry]) -> list[Entry]:
    """Nothing but the first chunk is missing."""
    first = next(entry for entry in entries if isinstance(entry, ActionChunk))
    return [entry for entry in entries if entry is not first]


def verified(world: World, entries: list[Entry], before: int, folder: Path) -> Report:
    bag = record(entries, folder / "bag", world.contract, folder / "definitions", {CHUNKS: before})
    return verify_bag(bag, world.contract, read_facts(bag))


def test_a_chunk_that_its_publishers_count_says_was_sent_before_is_told_and_is_no_violation(
    late: World, tmp_path: Path
) -> None:
    report = verified(late, without_first_chunk(late.entries), 1, tmp_path)
    assert report.holds, report.violations[:3]
    first = next(entry for entry in late.entries if isinstance(entry, ActionChunk))
    of_it = [entry.certificate for entry in late.entries if isinstance(entry, Certified)]
    ticks = sum(entry.chunk_stamp_ns == first.stamp_ns for entry in of_it)
    assert (
        f"{CHUNKS}: 1 chunk was sent before the recorder listened, and played in {ticks} ticks."
        in report.notes
    )


def test_a_chunk_that_nobody_sent_is_a_violation_at_the_beginning_too(late: World, tmp_path: Path) -> None:
    report = verified(late, without_first_chunk(late.entries), 0, tmp_path)
    assert set(report.counts) == {"chunk_unknown"}


def test_more_chunks_than_were_sent_before_are_violations(late: World, tmp_path: Path) -> None:
    entries = without_first_chunk(without_first_chunk(late.entries))
    assert "chunk_unknown" in verified(late, entries, 1, tmp_path).counts


def test_a_chunk_that_is_missing_later_is_a_violation_whatever_was_sent_before(
    late: World, tmp_path: Path
) -> None:
    chunks = [entry for entry in late.entries if isinstance(entry, ActionChunk)]
    entries = [entry for entry in late.entries if entry is not chunks[1]]
    assert set(verified(late, entries, 1, tmp_path).counts) == {"chunk_unknown"}


def test_where_no_chunk_is_recorded_at_all_each_one_in_play_is_unknown(late: World, tmp_path: Path) -> None:
    entries = [entry for entry in late.entries if not isinstance(entry, ActionChunk)]
    report = verified(late, entries, 0, tmp_path)
    assert set(report.counts) == {"chunk_unknown"}
    assert f"Nothing was recorded of {CHUNKS}." in report.notes


JOINTS = "/joint_states"
HEARD = 40  # ticks in motion before the first joint state that is recorded: more than a recording's beginning


def without_first_joints(entries: list[Entry]) -> tuple[list[Entry], int]:
    """Joint states are recorded from some ticks after motion began on; how many are missing."""
    certified = [entry for entry in entries if isinstance(entry, Certified)]
    place = entries.index(certified[AT_REST + HEARD])
    gone = [entry for entry in entries[:place] if isinstance(entry, JointReading)]
    kept = [entry for entry in entries[:place] if not isinstance(entry, JointReading)]
    return kept + entries[place:], len(gone)


def with_joints_late(world: World, before: int | None, folder: Path) -> Report:
    """Verified; the publisher's count says that so many joint states were sent before (None: all that are missing)."""
    entries, gone = without_first_joints(world.entries)
    sent = {JOINTS: gone if before is None else before}
    bag = record(entries, folder / "bag", world.contract, folder / "definitions", sent)
    return verify_bag(bag, world.contract, read_facts(bag))


def test_joint_states_that_their_publishers_count_says_were_sent_before_are_told_and_no_violation(
    late: World, tmp_path: Path
) -> None:
    report = with_joints_late(late, None, tmp_path)
    assert report.holds, report.violations[:3]
    [note] = [note for note in report.notes if note.startswith(f"{JOINTS}: ")]
    assert "joint states were sent before the recorder listened, and used in " in note


def test_the_tick_after_the_first_that_is_heard_may_have_used_the_one_before(
    late: World, tmp_path: Path
) -> None:
    """The first came between the reading of a tick and its certificate."""
    entries, gone = without_first_joints(late.entries)
    first = next(entry for entry in entries if isinstance(entry, JointReading))
    place = entries.index(first)
    before = next(place for place in range(place, 0, -1) if isinstance(entries[place - 1], Certified)) - 1
    assert isinstance(entries[before], Certified)
    entries = [*entries[:before], first, *entries[before:place], *entries[place + 1 :]]
    bag = record(entries, tmp_path / "bag", late.contract, tmp_path / "definitions", {JOINTS: gone})
    report = verify_bag(bag, late.contract, read_facts(bag))
    assert report.holds, report.violations[:3]


def test_joint_states_that_nobody_sent_are_violations_at_the_beginning_too(
    late: World, tmp_path: Path
) -> None:
    assert set(with_joints_late(late, 0, tmp_path).counts) == {"age"}


def test_more_joint_states_than_were_sent_before_are_violations(late: World, tmp_path: Path) -> None:
    assert "age" in with_joints_late(late, 5, tmp_path).counts


def test_where_no_joint_state_is_recorded_at_all_each_one_used_is_a_violation(
    late: World, tmp_path: Path
) -> None:
    entries = [entry for entry in late.entries if not isinstance(entry, JointReading)]
    report = verified(late, entries, 0, tmp_path)
    assert "age" in report.counts
    assert f"Nothing was recorded of {JOINTS}." in report.notes
