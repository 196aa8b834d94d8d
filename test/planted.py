"""Plants one violation in what a recorder saw: one function a kind, each with the finding that must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import nan

import numpy as np
from verified_world import Certified, Command, Emergency, Entry, Executed, Limits

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.bounds import digest_of
from qgf_ros.verify.motion import Before
from qgf_ros.verify.violation import What

Entries = list[Entry]


class NoPlace(Exception):
    """This run has no place where such a violation could be planted."""


class Tape:
    """The entries to be changed, the contract, and where something can be planted."""

    def __init__(self, contract: Contract, entries: Entries, seed: int) -> None:
        self.contract, self.entries = contract, list(entries)
        self.rng = np.random.default_rng(seed)

    def choose(self, fits: Callable[[Certificate], bool] = lambda _: True) -> int:
        """The place of a random certificate of a tick that fits, not at the beginning or the end. Raises NoPlace."""
        count = len(self.entries)
        places = [
            place
            for place, entry in enumerate(self.entries)
            if isinstance(entry, Certified)
            and entry.stamp_ns
            and entry.certificate.commands
            and count // 10 < place < 9 * count // 10
            and fits(entry.certificate)
        ]
        if not places:
            raise NoPlace
        return int(self.rng.choice(places))

    def certificate(self, place: int) -> Certificate:
        """The certificate there."""
        entry = self.entries[place]
        assert isinstance(entry, Certified)
        return entry.certificate

    def restate(self, place: int, **values: object) -> None:
        """Other values in the certificate there."""
        entry = self.entries[place]
        assert isinstance(entry, Certified)
        self.entries[place] = replace(entry, certificate=replace(entry.certificate, **values))  # type: ignore[arg-type]

    def restate_from(self, place: int, change: Callable[[Certificate], Certificate]) -> None:
        """Other values in every certificate from there on."""
        for index in range(place, len(self.entries)):
            entry = self.entries[index]
            if isinstance(entry, Certified):
                self.entries[index] = replace(entry, certificate=change(entry.certificate))

    def tick(self, place: int) -> range:
        """The places of a tick's commands, `executed` and certificate, which is at `place`."""
        first = place
        while isinstance(self.entries[first - 1], Command | Executed):
            first -= 1
        return range(first, place + 1)

    def move(self, place: int, q: Entries | None = None, **vectors: tuple[float, ...]) -> None:
        """Another command at this tick, said alike by certificate, `executed` and the command topics."""
        self.restate(place, **vectors)
        certificate, joints = self.certificate(place), self.contract.interface.joints
        outputs = {output.topic: output.joints for output in self.contract.deployment.outputs}
        for index in self.tick(place):
            entry = self.entries[index]
            if isinstance(entry, Executed):
                command = Before(certificate.positions, certificate.velocities, certificate.accelerations)
                self.entries[index] = replace(entry, command=command)
            elif isinstance(entry, Command):
                values = tuple(certificate.positions[joints.index(joint)] for joint in outputs[entry.topic])
                self.entries[index] = replace(entry, positions=values)

    def joint(self) -> int:
        """One of the first joints, which belong to the arm."""
        return int(self.rng.integers(0, 6))


def with_one(values: tuple[float, ...], place: int, value: float) -> tuple[float, ...]:
    """The values, one of them another."""
    return (*values[:place], value, *values[place + 1 :])


def plays(certificate: Certificate) -> bool:
    """A chunk is in play."""
    return certificate.rung == "chunk" and certificate.chunk_stamp_ns > 0


def runs(certificate: Certificate) -> bool:
    """The arm moves under a chunk."""
    return plays(certificate) and max(map(abs, certificate.velocities[:6])) > 0.02


# -- the command itself ----------------------------------------------------------------------------------------------------


def beyond_its_range(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    limit = tape.contract.deployment.limits[tape.contract.interface.joints[joint]].upper
    tape.move(place, positions=with_one(tape.certificate(place).positions, joint, limit + 0.01))


def too_fast(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    limit = tape.contract.deployment.limits[tape.contract.interface.joints[joint]].velocity
    tape.move(place, velocities=with_one(tape.certificate(place).velocities, joint, -limit - 0.001))


def too_strong(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    limit = tape.contract.deployment.limits[tape.contract.interface.joints[joint]].acceleration
    tape.move(place, accelerations=with_one(tape.certificate(place).accelerations, joint, limit + 0.001))


def too_jerky(tape: Tape) -> None:
    """From one limit of the acceleration to the other within a tick."""
    joint = 6 if len(tape.contract.interface.joints) == 7 else tape.joint()
    limits = tape.contract.deployment.limits[tape.contract.interface.joints[joint]]
    place = tape.choose()
    change = 1.2 * limits.jerk * tape.contract.tick_ns * 1e-9
    assert change <= 2 * limits.acceleration, "both values are inside their limit"
    now = tape.certificate(place).accelerations[joint]
    value = now - change if now > 0 else now + change
    tape.move(place, accelerations=with_one(tape.certificate(place).accelerations, joint, value))


def a_jump(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    positions = tape.certificate(place).positions
    tape.move(place, positions=with_one(positions, joint, positions[joint] + 0.002))


def not_a_number(tape: Tape) -> None:
    place = tape.choose()
    tape.move(place, positions=with_one(tape.certificate(place).positions, tape.joint(), nan))


def tool_outside(tape: Tape) -> None:
    """The limits in force are tightened at rest, as they may be; but the tool stands outside its box."""
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    tighter = stated | {"tool.box_upper": "0.05 0.05 0.05", "tool.box_lower": "0.0 0.0 0.0"}
    _under(tape, tighter)


def tool_too_fast(tape: Tape) -> None:
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    _under(tape, stated | {"tool.speed": "0.0001"})


def _under(tape: Tape, texts: dict[str, str]) -> None:
    tape.entries.insert(1, Limits(texts))
    tape.restate_from(0, lambda entry: replace(entry, limits=digest_of(texts)) if entry.commands else entry)


# -- what left against what was certified ------------------------------------------------------------------------------


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


# -- counting ------------------------------------------------------------------------------------------------------------


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
    place = tape.choose(_rests_long(tape))
    here = tape.tick(place)
    del tape.entries[here[0] : here[-1] + 1]
    tape.restate_from(
        here[0], lambda entry: replace(entry, sequence=entry.sequence - 1, tick=max(entry.tick - 1, 0))
    )


def _rests_long(tape: Tape) -> Callable[[Certificate], bool]:
    """At rest under a hold, before and after, and neither a reset nor a silence near."""
    ticks = [entry.certificate for entry in tape.entries if isinstance(entry, Certified) and entry.stamp_ns]
    numbers = {
        here.sequence
        for before, here, after in zip(ticks, ticks[1:], ticks[2:], strict=False)
        if all(
            max(map(abs, entry.velocities + entry.accelerations)) < 1e-9 for entry in (before, here, after)
        )
        and here.rung == "hold"
    }
    return lambda entry: entry.sequence in numbers


def a_count_begins_anew(tape: Tape) -> None:
    """As after a reset, while the arm moves."""
    place = tape.choose(runs)
    first = tape.certificate(place).tick
    tape.restate_from(place, lambda entry: replace(entry, tick=entry.tick - first + 1))


# -- what the certificate says -------------------------------------------------------------------------------------------


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


def too_fast_a_path(tape: Tape) -> None:
    tape.restate(tape.choose(), speed=1.5)


def an_unknown_reason(tape: Tape) -> None:
    tape.restate(tape.choose(), findings=("slow:because",))


def shadow_while_sent(tape: Tape) -> None:
    tape.restate(tape.choose(), shadow=True)


def half_a_message(tape: Tape) -> None:
    """A certificate with a value that is no number, as a flipped bit leaves it."""
    tape.restate(tape.choose(), positions=("1.0.0",))


# -- limits --------------------------------------------------------------------------------------------------------------


def weaker_limits(tape: Tape) -> None:
    """Stated and kept to, consistently: but the contract does not allow them."""
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    joint = tape.contract.interface.joints[tape.joint()]
    _under(tape, stated | {f"{joint}.velocity": "9.0"})


def unknown_limits(tape: Tape) -> None:
    tape.restate(tape.choose(), limits="0123456789ab")


def limits_change_in_motion(tape: Tape) -> None:
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    joint = tape.contract.interface.joints[tape.joint()]
    texts = stated | {f"{joint}.start_error": "0.05"}
    tape.entries.insert(1, Limits(texts))
    tape.restate(tape.choose(runs), limits=digest_of(texts))


# -- chunks --------------------------------------------------------------------------------------------------------------


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


# -- holds and stops -----------------------------------------------------------------------------------------------------


def a_hold_that_goes_on(tape: Tape) -> None:
    """A third of a second of motion is called a hold."""
    place, left = tape.choose(_moves_for(tape, 30)), 30
    for index in range(place, len(tape.entries)):
        entry = tape.entries[index]
        if isinstance(entry, Certified) and entry.stamp_ns and left:
            tape.restate(index, rung="hold", chunk_stamp_ns=0)
            left -= 1


def _moves_for(tape: Tape, ticks: int) -> Callable[[Certificate], bool]:
    """Whether chunks are played at the next `ticks` ticks, and the arm goes further than a stop would let it."""
    found = [entry.certificate for entry in tape.entries if isinstance(entry, Certified) and entry.stamp_ns]
    numbers = {
        here.sequence
        for place, here in enumerate(found[:-ticks])
        if all(map(plays, found[place : place + ticks]))
        and max(
            abs(a - b) for a, b in zip(here.positions[:6], found[place + ticks].positions[:6], strict=True)
        )
        > 0.05
        and min(max(map(abs, entry.velocities[:6])) for entry in found[place : place + ticks]) > 0.02
    }
    return lambda entry: entry.sequence in numbers


def an_ignored_emergency(tape: Tape) -> None:
    tape.entries.insert(tape.tick(tape.choose(_moves_for(tape, 30)))[0], Emergency(True))


def a_forgotten_stop(tape: Tape) -> None:
    """A tick says that the arm was stopped; the next plays on, without a reset."""
    tape.restate(tape.choose(_moves_for(tape, 30)), rung="stop", reason="emergency", chunk_stamp_ns=0)


MUTATIONS: dict[Callable[[Tape], None], What] = {
    beyond_its_range: What.POSITION,
    too_fast: What.VELOCITY,
    too_strong: What.ACCELERATION,
    too_jerky: What.JERK,
    a_jump: What.CONSISTENT,
    not_a_number: What.NOT_FINITE,
    tool_outside: What.TOOL_BOX,
    tool_too_fast: What.TOOL_SPEED,
    another_command: What.COMMAND_VALUE,
    a_lost_command: What.COMMAND_MISSING,
    a_further_command: What.COMMAND_UNCERTIFIED,
    commands_swapped: What.COMMAND_VALUE,
    executed_differs: What.EXECUTED,
    a_lost_certificate: What.SEQUENCE,
    a_hidden_certificate: What.COMMAND_UNCERTIFIED,
    certificates_swapped: What.SEQUENCE,
    a_hidden_tick: What.MISSING_TICK,
    a_count_begins_anew: What.PLACED,
    a_wrong_margin: What.MARGIN,
    a_wrong_tool: What.TOOL,
    a_false_age: What.AGE,
    stale_joints: What.STALE,
    another_contract: What.CONTRACT,
    too_fast_a_path: What.SPEED,
    an_unknown_reason: What.FINDING,
    shadow_while_sent: What.SHADOW,
    half_a_message: What.UNREADABLE,
    weaker_limits: What.LIMITS_WEAKER,
    unknown_limits: What.LIMITS_UNKNOWN,
    limits_change_in_motion: What.LIMITS_CHANGED,
    a_lost_chunk: What.CHUNK_UNKNOWN,
    another_chunk: What.CHUNK_CHANGED,
    an_older_chunk: What.CHUNK_UNKNOWN,
    an_old_chunk: What.CHUNK_OLD,
    actions_again: What.CHUNK_PLACE,
    another_checkpoint: What.CHECKPOINT,
    a_hold_that_goes_on: What.BRAKE,
    an_ignored_emergency: What.EMERGENCY,
    a_forgotten_stop: What.LATCH,
}
