"""Violations of what left against what was certified, and of the counts: messages lost, repeated, changed or swapped."""

from __future__ import annotations

from dataclasses import replace

from verified_world import Certified, Command, Executed

from planted.tape import Tape, rests_long, runs, with_one


def another_command(tape: Tape) -> None:
    place = tape.tick(tape.choose())[0]
    command = tape.entries[place]
    assert isinstance(command, Command)
    values = with_one(command.positions, 0, command.positions[0] + 1e-9)
    tape.entries[place] = replace(command, positions=values)


def a_lost_command(tape: Tape) -> None:
    del tape.entries[tape.tick(tape.choose())[0]]


def a_further_command(tape: Tape) -> None:
    place = tape.tick(tape.choose())[0]
    tape.entries.insert(place, tape.entries[place])


def commands_swapped(tape: Tape) -> None:
    place = tape.choose(runs)
    first = tape.tick(place)[0]
    topic = tape.entries[first]
    assert isinstance(topic, Command)
    other = next(
        index
        for index in range(place + 1, len(tape.entries))
        if isinstance(entry := tape.entries[index], Command) and entry.topic == topic.topic
    )
    tape.entries[first], tape.entries[other] = tape.entries[other], tape.entries[first]


def executed_differs(tape: Tape) -> None:
    place = next(index for index in tape.tick(tape.choose()) if isinstance(tape.entries[index], Executed))
    entry = tape.entries[place]
    assert isinstance(entry, Executed)
    velocities = with_one(entry.command.velocities, 0, entry.command.velocities[0] + 1e-6)
    tape.entries[place] = replace(entry, command=replace(entry.command, velocities=velocities))


def a_lost_certificate(tape: Tape) -> None:
    del tape.entries[tape.choose()]


def a_hidden_certificate(tape: Tape) -> None:
    """Removed, and the numbers behind it closed up."""
    place = tape.choose()
    del tape.entries[place]
    tape.restate_from(place, lambda entry: replace(entry, sequence=entry.sequence - 1))


def certificates_swapped(tape: Tape) -> None:
    place = tape.choose()
    other = next(
        index for index in range(place + 1, len(tape.entries)) if isinstance(tape.entries[index], Certified)
    )
    tape.entries[place], tape.entries[other] = tape.entries[other], tape.entries[place]


def a_hidden_tick(tape: Tape) -> None:
    """A whole tick removed, certificate and commands, and all numbers behind it closed up; the arm rests, so nothing leaps."""
    place = tape.choose(rests_long(tape))
    here = tape.tick(place)
    del tape.entries[here[0] : here[-1] + 1]
    tape.restate_from(
        here[0], lambda entry: replace(entry, sequence=entry.sequence - 1, tick=max(entry.tick - 1, 0))
    )


def ticks_said_to_be_missed(tape: Tape) -> None:
    """Three ticks are counted as missed that never were."""
    place = tape.choose(runs)
    tape.restate_from(place, lambda entry: replace(entry, missed=entry.missed + 3))


def fewer_ticks_missed_than_before(tape: Tape) -> None:
    tape.restate(tape.choose(runs), missed=-1)


def a_count_begins_anew(tape: Tape) -> None:
    """As after a reset, while the arm moves."""
    place = tape.choose(runs)
    first = tape.certificate(place).tick
    tape.restate_from(place, lambda entry: replace(entry, tick=entry.tick - first + 1))
