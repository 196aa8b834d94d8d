"""A recorder that began to listen to a topic late: what it could not hear is told, and nobody is accused of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from recorded_bags import record
from verified_world import Certified, Entry, World

from qgf_ros.bags.reader import read_facts
from qgf_ros.datatypes import ActionChunk
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
