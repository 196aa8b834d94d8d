"""What has to follow from a fault, and whether it did: judged by the ticks that were served from its beginning on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import JointCommand, Rung, Sender, Verdict
from qgf_ros.evaluate.differences import NOTHING, Difference
from qgf_ros.evaluate.limit_watch import AT_REST, stopping_distance, stopping_time
from qgf_ros.evaluate.session_loop import Served

ROUNDING = 1e-6  # rad and s


@dataclass(frozen=True)
class Story:
    """The last tick before the fault, and those from its beginning on.

    `difference`: what the fault changed, beside the same run without it; None: nothing, or nobody has compared. `is_active`:
    whether it was active all the time in which its reaction is looked for, as far as it is a fault of the simulator.
    """

    contract: Contract
    before: Served
    after: Sequence[Served]
    difference: Difference | None = None
    is_active: bool = True

    def seconds(self, index: int) -> float:
        """The longest time from the fault, which may have begun right after the tick before, to tick `index` of `after`."""
        return (index + 1) * self.contract.tick_ns * 1e-9


@dataclass(frozen=True)
class Seen:
    """What followed, in words; after how long (s, None where the reaction never came); whether all of it was right."""

    words: str
    time_s: float | None
    is_right: bool


class Reaction(Protocol):
    """What has to follow."""

    @property
    def words(self) -> str:
        """For people."""
        ...

    def judge(self, story: Story, within_s: float) -> Seen:
        """What followed."""
        ...


@dataclass(frozen=True)
class Rests:
    """The arm brakes, on this rung with this reason, comes to rest within its stopping distance and time, and stays on the rung.

    `then`: the rung on which it may wait once it rests, where a short break ends by itself.
    """

    rung: Rung
    reasons: tuple[str, ...]
    then: Rung | None = None

    @property
    def words(self) -> str:
        """See `Reaction`."""
        reasons = f": {' or '.join(self.reasons)}" if self.reasons else ""
        return self.rung.value + reasons + (f", then {self.then.value}" if self.then else "")

    def judge(self, story: Story, within_s: float) -> Seen:
        """See `Reaction`."""
        index = next((i for i, served in enumerate(story.after) if self._is_there(served)), None)
        if index is None:
            return Seen(history(story.after), None, False)
        time_s, reached = story.seconds(index), story.after[index]
        last = story.before if index == 0 else story.after[index - 1]
        later = story.after[index:]
        if not all(self._stays(served) for served in later):
            return Seen(f"{_label(reached)}, and then: {history(later)}", time_s, False)
        rest = _rest(story.contract, last.tick.command, [served.tick.command for served in later])
        words = f"{_label(reached)}, {rest.words}"
        return Seen(words, time_s, rest.is_right and time_s <= within_s + ROUNDING)

    def _is_there(self, served: Served) -> bool:
        return served.tick.rung is self.rung and (not self.reasons or served.tick.reason in self.reasons)

    def _stays(self, served: Served) -> bool:
        rung = served.tick.rung
        return rung is self.rung or (rung is self.then and _is_at_rest(served.tick.command))


@dataclass(frozen=True)
class Waits:
    """No action is there to play: the arm ends at rest at its last target, on rung `tail`."""

    words = "tail, then rest"

    def judge(self, story: Story, within_s: float) -> Seen:
        """See `Reaction`."""
        resting = [
            served.tick.rung is Rung.TAIL and _is_at_rest(served.tick.command) for served in story.after
        ]
        if not resting[-1] or any(served.tick.rung in (Rung.HOLD, Rung.STOP) for served in story.after):
            return Seen(history(story.after), None, False)
        index = len(resting) - resting[::-1].index(False) if False in resting else 0
        time_s = story.seconds(index)
        return Seen(f"tail, at rest after {time_s:.2f} s", time_s, time_s <= within_s + ROUNDING)


@dataclass(frozen=True)
class GoesOn:
    """Nothing is wrong that the arm could not bear: it goes on as before, for the whole time, though the fault has changed something."""

    refused: str = ""  # reason of the chunk that is refused meanwhile
    finding: str = ""  # reason of the check that slows or clamps
    fresh_share: float = 1.0  # of the ticks so many have a fresh action, at least; less where messages come late, and chunks with them

    @property
    def words(self) -> str:
        """See `Reaction`."""
        more = [f"chunk refused: {self.refused}"] * bool(self.refused) + [self.finding] * bool(self.finding)
        return ", ".join(["goes on", *more])

    def judge(self, story: Story, within_s: float) -> Seen:
        """See `Reaction`."""
        wanted = round(within_s * 1e9 / story.contract.tick_ns)
        ticks = story.after[:wanted]
        was_holding = story.before.tick.rung is Rung.HOLD
        if was_holding:
            is_right = all(_label(served) == _label(story.before) for served in ticks)
        else:
            fresh = sum(served.tick.rung is Rung.CHUNK for served in ticks)
            held = any(served.tick.rung in (Rung.HOLD, Rung.STOP) for served in ticks)
            is_right = not held and fresh >= self.fresh_share * len(ticks)
        found = self._found(ticks)
        changed = NOTHING if story.difference is None else story.difference.words
        inactive = ["the fault was not active all the time"] * (not story.is_active)
        words = ", ".join([history(ticks), *found]) + "; " + "; ".join([changed, *inactive])
        is_right = is_right and story.difference is not None and story.is_active
        is_right = is_right and len(found) == bool(self.refused) + bool(self.finding)
        return Seen(words, story.seconds(len(ticks) - 1) if is_right else None, is_right)

    def _found(self, ticks: Sequence[Served]) -> list[str]:
        refused = [f"chunk refused: {self.refused}"] * any(self.refused in served.refused for served in ticks)
        findings = {finding.reason for served in ticks for finding in served.tick.findings}
        return refused + [self.finding] * (self.finding in findings)


@dataclass(frozen=True)
class Obeys:
    """From the first tick on this sender is in command: its chunks are played on without a break once the first is in play, and no other's."""

    sender: Sender

    @property
    def words(self) -> str:
        """See `Reaction`."""
        return f"plays {self.sender.value}'s chunks"

    def judge(self, story: Story, within_s: float) -> Seen:
        """See `Reaction`."""
        ticks = story.after
        index = next((i for i, served in enumerate(ticks) if self._plays(served)), len(ticks))
        waiting, later = ticks[:index], ticks[index:]
        has_waited = all(
            served.tick.in_command is self.sender and served.tick.rung is Rung.TAIL for served in waiting
        )
        if not later or not has_waited or not all(map(self._plays, later)):
            senders = " and ".join(sorted({served.tick.in_command.value for served in ticks}))
            return Seen(f"{senders} in command: {history(ticks)}", None, False)
        time_s = story.seconds(index)
        words = f"{self.sender.value} in command, {history(ticks)}"
        return Seen(words, time_s, time_s <= within_s + ROUNDING)

    def _plays(self, served: Served) -> bool:
        """Whether its chunk is in play."""
        tick, command = served.tick, served.tick.command
        is_fresh = (
            command is not None and tick.rung is Rung.CHUNK and Sender.of(command.source) is self.sender
        )
        return is_fresh and tick.in_command is self.sender


@dataclass(frozen=True)
class Slows:
    """The arm goes on along its path, more slowly, with this reason, for as long as it is looked at."""

    reason: str

    @property
    def words(self) -> str:
        """See `Reaction`."""
        return f"slow: {self.reason}"

    def judge(self, story: Story, within_s: float) -> Seen:
        """See `Reaction`."""
        index = next((i for i, served in enumerate(story.after) if self._is_slow(served)), None)
        if index is None:
            return Seen(history(story.after), None, False)
        time_s, later = story.seconds(index), story.after[index:]
        fast = sum(not self._is_slow(served) for served in later)
        if fast:
            return Seen(f"slow: {self.reason}, and {fast} ticks not: {history(later)}", time_s, False)
        slowest = min(served.tick.command.speed for served in later if served.tick.command is not None)
        words = f"slow: {self.reason}, path speed {slowest:.2f}"
        return Seen(words, time_s, time_s <= within_s + ROUNDING)

    def _is_slow(self, served: Served) -> bool:
        command = served.tick.command
        found = {entry.reason for entry in served.tick.findings if entry.verdict is Verdict.SLOW}
        return command is not None and self.reason in found and command.speed < 1.0


def _rest(contract: Contract, last: JointCommand | None, braking: Sequence[JointCommand | None]) -> Seen:
    """Whether a stop that began after the command `last` ended within its distance and time.

    The bound of each joint is `stopping_distance` of its commanded velocity and acceleration. Silence leaves the arm to its
    controllers: no stop of ours, unless it rests.
    """
    silent = next((index for index, command in enumerate(braking) if command is None), len(braking))
    commands = [command for command in braking[:silent] if command is not None]
    if last is None or not commands:
        return Seen("no commands", None, _is_at_rest(last))
    limits = [contract.deployment.limits[joint] for joint in contract.interface.joints]
    tick_s = contract.tick_ns * 1e-9
    states = list(zip(last.velocities.tolist(), last.accelerations.tolist(), limits, strict=True))
    allowed = np.array([stopping_distance(v, a, limit, tick_s) for v, a, limit in states])
    longest_s = max(stopping_time(v, a, limit, tick_s) for v, a, limit in states)
    moved = np.abs(np.array([command.positions for command in commands]) - last.positions).max(axis=0)
    at = next((i for i, command in enumerate(commands) if _is_at_rest(command)), None)
    if at is None:
        return Seen("never at rest", None, False)
    time_s = at * tick_s
    is_right = bool((moved <= allowed + ROUNDING).all()) and time_s <= longest_s + ROUNDING
    worst = int(np.argmax(moved))
    words = f"at rest in {time_s:.2f} s and {moved[worst]:.3f} rad of {allowed[worst]:.3f}"
    return Seen(words, time_s, is_right)


def history(ticks: Sequence[Served]) -> str:
    """Rungs and reasons with their ticks, in the order in which they first came."""
    counts = Counter(_label(served) for served in ticks)
    return ", ".join(f"{label} {count}" for label, count in counts.items())


def _label(served: Served) -> str:
    return ": ".join(filter(None, (served.tick.rung.value, served.tick.reason)))


def _is_at_rest(command: JointCommand | None) -> bool:
    return command is None or bool(np.abs([command.velocities, command.accelerations]).max() < AT_REST)
