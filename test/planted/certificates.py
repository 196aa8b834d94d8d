"""Violations of what a certificate says beside the command."""

from __future__ import annotations

from verified_world import Certified

from planted.tape import NoPlace, Tape, runs, with_one
from qgf_ros.datatypes import JointReading


def a_wrong_margin(tape: Tape) -> None:
    kinds = ("margin_position", "margin_velocity", "margin_acceleration", "margin_jerk", "margin_stop")
    name, place, joint = str(tape.rng.choice(kinds)), tape.choose(), tape.joint()
    margins = vars(tape.certificate(place))[name]
    tape.restate(place, **{name: with_one(margins, joint, margins[joint] + 0.01)})


def a_wrong_tool(tape: Tape) -> None:
    place = tape.choose()
    tape.restate(place, tool=with_one(tape.certificate(place).tool, int(tape.rng.integers(0, 4)), 0.123))


def a_false_age(tape: Tape) -> None:
    place = tape.choose()
    tape.restate(place, joint_ages_s=with_one(tape.certificate(place).joint_ages_s, tape.joint(), 0.0035))


def stale_joints(tape: Tape) -> None:
    """The joint states of half a second were never there, and the ages say so; chunks are played all the same."""
    place = tape.choose(runs)
    entry = tape.entries[place]
    assert isinstance(entry, Certified)
    before = [index for index in range(place) if isinstance(tape.entries[index], JointReading)]
    if len(before) < 50:
        raise NoPlace
    since = before[-50]
    kept = tape.entries[since]
    assert isinstance(kept, JointReading)
    tape.entries[since + 1 : place] = [
        other for other in tape.entries[since + 1 : place] if not isinstance(other, JointReading)
    ]
    for index in range(since, len(tape.entries)):
        here = tape.entries[index]
        if isinstance(here, Certified) and kept.stamp_ns < here.stamp_ns <= entry.stamp_ns:
            ages = ((here.stamp_ns - kept.stamp_ns) * 1e-9,) * len(tape.contract.interface.joints)
            tape.restate(index, joint_ages_s=ages)


def another_contract(tape: Tape) -> None:
    tape.restate(tape.choose(), contract="0" * 64)


def shadow_while_sent(tape: Tape) -> None:
    tape.restate(tape.choose(), shadow=True)


def half_a_message(tape: Tape) -> None:
    """A certificate with a value that is no number, as a flipped bit leaves it."""
    tape.restate(tape.choose(), positions=("1.0.0",))
