"""Violations of which chunk is played, and of its place in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from verified_world import Certified

from planted.tape import Tape, plays
from qgf_ros.datatypes import ActionChunk


def _chunk_in_play(tape: Tape) -> tuple[int, ActionChunk]:
    stamp = tape.certificate(tape.choose(plays)).chunk_stamp_ns
    return next(
        (place, entry)
        for place, entry in enumerate(tape.entries)
        if isinstance(entry, ActionChunk) and entry.stamp_ns == stamp
    )


def a_lost_chunk(tape: Tape) -> None:
    _, chunk = _chunk_in_play(tape)
    tape.entries = [
        entry
        for entry in tape.entries
        if not (isinstance(entry, ActionChunk) and entry.stamp_ns == chunk.stamp_ns)
    ]


def another_chunk(tape: Tape) -> None:
    """Other actions under the same stamp."""
    place, chunk = _chunk_in_play(tape)
    tape.entries[place] = replace(chunk, actions=chunk.actions + 1e-6)


def an_older_chunk(tape: Tape) -> None:
    place = tape.choose(plays)
    tape.restate(place, chunk_stamp_ns=tape.certificate(place).chunk_stamp_ns - 1)


def an_old_chunk(tape: Tape) -> None:
    """Its observation was a second old when it was taken; all say so alike."""
    _, chunk = _chunk_in_play(tape)
    old = chunk.stamp_ns - 1_000_000_000
    for place, entry in enumerate(tape.entries):
        if isinstance(entry, ActionChunk) and entry.stamp_ns == chunk.stamp_ns:
            tape.entries[place] = replace(entry, stamp_ns=old)
        elif isinstance(entry, Certified) and entry.certificate.chunk_stamp_ns == chunk.stamp_ns:
            tape.restate(place, chunk_stamp_ns=old)


def actions_again(tape: Tape) -> None:
    """More actions are left than a tick ago."""
    ticks = [entry.certificate for entry in tape.entries if isinstance(entry, Certified) and entry.stamp_ns]
    within = {
        after.sequence
        for before, after in pairwise(ticks)
        if plays(before) and plays(after) and before.chunk_stamp_ns == after.chunk_stamp_ns and before.begun
    }
    place = tape.choose(lambda entry: entry.sequence in within)
    tape.restate(place, begun=0, actions_left=tape.contract.interface.chunk_length)


def another_checkpoint(tape: Tape) -> None:
    ticks = [entry.certificate for entry in tape.entries if isinstance(entry, Certified) and entry.stamp_ns]
    within = {
        after.sequence
        for before, after in pairwise(ticks)
        if plays(before) and plays(after) and before.chunk_stamp_ns == after.chunk_stamp_ns
    }
    tape.restate(tape.choose(lambda entry: entry.sequence in within), checkpoint="weights-2")


def who_is_not_in_command(tape: Tape) -> None:
    """A policy's chunk is played while a person is in command."""
    tape.restate(tape.choose(plays), in_command="teleop")
