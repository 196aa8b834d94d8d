"""A run in which a person and the policy take turns is verified as any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from recorded_bags import record
from verified_world import Certified, Entry, World

from qgf_ros.bags.reader import read_facts
from qgf_ros.datatypes import ActionChunk, Sender
from qgf_ros.verify.bag import Report, verify_bag

TICKS = 240


@pytest.fixture(scope="module")
def turns() -> World:
    """Both take turns every 30 ticks."""
    world = World("jaco_reach", 3)
    for count in range(TICKS):
        if count % 40 == 2:
            world._start()
        if count % 30 == 20:
            world.session.hand_over(list(Sender)[count // 30 % 2])
        world.tick(True, True)
    return world


def verified(world: World, entries: list[Entry], folder: Path) -> Report:
    bag = record(entries, folder / "bag", world.contract, folder / "definitions")
    return verify_bag(bag, world.contract, read_facts(bag))


def test_a_run_with_hand_overs_is_verified_and_both_were_in_command(turns: World, tmp_path: Path) -> None:
    report = verified(turns, turns.entries, tmp_path)
    assert report.holds, report.violations[:3]
    certified = [entry.certificate for entry in turns.entries if isinstance(entry, Certified)]
    played = {entry.in_command for entry in certified if entry.chunk_stamp_ns}
    assert played == {sender.value for sender in Sender}


def test_a_persons_chunks_belong_to_what_is_verified(turns: World, tmp_path: Path) -> None:
    """Without them a chunk in play is not known."""
    lacking = [
        entry
        for entry in turns.entries
        if not (isinstance(entry, ActionChunk) and entry.sender is Sender.TELEOP)
    ]
    assert "chunk_unknown" in verified(turns, lacking, tmp_path).counts


def test_a_persons_chunk_that_is_said_to_be_a_policys_is_found(turns: World, tmp_path: Path) -> None:
    renamed = [
        replace(entry, certificate=replace(entry.certificate, checkpoint="weights-1"))
        if isinstance(entry, Certified) and entry.certificate.checkpoint == "teleop"
        else entry
        for entry in turns.entries
    ]
    assert {"sender", "checkpoint"} <= verified(turns, renamed, tmp_path).counts.keys()
