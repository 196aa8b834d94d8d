"""Violations of holds, emergency stops and latches."""

from __future__ import annotations

from dataclasses import replace

from verified_world import Certified, Emergency

from planted.tape import Tape, moves_for, rests_long


def a_hold_that_goes_on(tape: Tape) -> None:
    """A third of a second of motion is called a hold."""
    place, left = tape.choose(moves_for(tape, 30)), 30
    for index in range(place, len(tape.entries)):
        entry = tape.entries[index]
        if isinstance(entry, Certified) and entry.stamp_ns and left:
            tape.restate(index, rung="hold", chunk_stamp_ns=0)
            left -= 1


def an_ignored_emergency(tape: Tape) -> None:
    tape.entries.insert(tape.tick(tape.choose(moves_for(tape, 30)))[0], Emergency(True))


def a_forgotten_stop(tape: Tape) -> None:
    """A tick says that the arm was stopped; the next plays on, without a reset."""
    tape.restate(tape.choose(moves_for(tape, 30)), rung="stop", reason="emergency", chunk_stamp_ns=0)


def a_stop_forgotten_by_configuring(tape: Tape) -> None:
    """A tick at rest says that the arm was stopped; then the node is configured anew, and holds, ready to be started."""
    place = tape.choose(rests_long(tape))
    stopped = tape.certificate(place)
    tape.restate(place, rung="stop", reason="emergency", findings=("stop:emergency",), clipped=0)
    tape.restate_from(
        place + 1,
        lambda entry: replace(
            entry,
            sequence=entry.sequence - stopped.sequence,
            tick=entry.tick - stopped.tick if entry.tick > stopped.tick else entry.tick,
        ),
    )
