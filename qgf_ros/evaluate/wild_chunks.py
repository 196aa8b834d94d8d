"""A source of chunks as no policy should be: smooth and far beyond the limits, malformed, late, repeated, from the future.

It answers the command session's wishes, mostly, in the name of who is in command then, and sometimes speaks unasked. One seed gives one
sequence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import ActionChunk, FloatArray, Sender
from qgf_ros.evaluate.sources import Wish


class Kind(Enum):
    """What a chunk is like; all but `TAME` and `WILD` must be refused, or do no harm."""

    TAME = "tame"  # smooth, within the action's range
    WILD = "wild"  # smooth, up to `LOUDEST` times the range
    JAGGED = "jagged"  # any value of the range at any action
    HUGE = "huge"  # finite, near the largest number there is
    NOT_A_NUMBER = "not_a_number"
    INFINITE = "infinite"
    NAMES = "names"
    SHAPE = "shape"
    EMPTY = "empty"
    LOST = "lost"  # none comes, though one was asked for
    LATE = "late"
    OLD = "old"  # stamped long ago
    FUTURE = "future"
    REPEATED = "repeated"  # the last one once more
    UNASKED = "unasked"
    BAD_SPEED = "bad_speed"


LOUDEST = 5.0
LATEST_TICKS = 60
USUAL_TICKS = 8
SHARES = {
    Kind.TAME: 0.3,
    Kind.WILD: 0.4,
    Kind.JAGGED: 0.15,
    Kind.LOST: 0.02,
    Kind.LATE: 0.03,
    Kind.OLD: 0.01,
    Kind.FUTURE: 0.01,
    Kind.REPEATED: 0.03,
    Kind.HUGE: 0.01,
    Kind.NOT_A_NUMBER: 0.01,
    Kind.INFINITE: 0.005,
    Kind.NAMES: 0.005,
    Kind.SHAPE: 0.005,
    Kind.EMPTY: 0.005,
    Kind.BAD_SPEED: 0.01,
}
UNASKED_SHARE = 0.002  # of ticks
ASK_AGAIN_TICKS = 25
BAD_SPEEDS = (0.0, -1.0, 2.0, math.nan, math.inf)


@dataclass(frozen=True)
class OnTheWay:
    """A chunk that comes at the tick `due`."""

    due: int
    chunk: ActionChunk


class WildChunks:
    """State: its random numbers, what is on the way, the wish that it answered last. One thread."""

    def __init__(self, contract: Contract, shares: dict[Kind, float] | None = None) -> None:
        """`shares` of the answers by kind; the usual mixture where none are given."""
        action = contract.interface.action
        self._names = action.names
        self._length = contract.interface.chunk_length
        self._range = ActionRange(action)
        chosen = shares or SHARES
        self._kinds, weights = list(chosen), np.array(list(chosen.values()))
        self._weights = weights / weights.sum()
        self._unasked = UNASKED_SHARE if shares is None else 0.0
        self._joints = tuple(
            entry.name for entry in contract.interface.inputs if entry.message is Message.JOINT_STATE
        )
        self.reset(0)

    def reset(self, seed: int) -> None:
        """A new episode; nothing is on the way."""
        self._random = np.random.default_rng(seed)
        self._tick = 0
        self._answered_ns, self._answered_at = 0, -ASK_AGAIN_TICKS
        self._on_the_way: list[OnTheWay] = []
        self._last: ActionChunk | None = None
        self._source = "wild"  # who is in command when a chunk is made
        self.counts: Counter[Kind] = Counter()

    def arriving(self, wish: Wish) -> list[ActionChunk]:
        """The chunks that come at this tick."""
        self._tick += 1
        is_person = wish.tick is not None and wish.tick.in_command is Sender.TELEOP
        self._source = Sender.TELEOP.value if is_person else "wild"
        wanted_from_ns = wish.tick.wanted_from_ns if wish.tick is not None else 0
        newest_ns = max(
            (wish.readings[name].stamp_ns for name in self._joints if name in wish.readings), default=0
        )
        if self._random.random() < self._unasked:
            self._send(Kind.UNASKED, newest_ns)
        if 0 < wanted_from_ns <= newest_ns and self._may_answer(wanted_from_ns):
            self._answered_ns, self._answered_at = wanted_from_ns, self._tick
            self._send(self._kinds[int(self._random.choice(len(self._kinds), p=self._weights))], newest_ns)
        came = [entry.chunk for entry in self._on_the_way if entry.due <= self._tick]
        self._on_the_way = [entry for entry in self._on_the_way if entry.due > self._tick]
        return came

    def _may_answer(self, wanted_from_ns: int) -> bool:
        return wanted_from_ns != self._answered_ns or self._tick >= self._answered_at + ASK_AGAIN_TICKS

    def _send(self, kind: Kind, newest_ns: int) -> None:
        self.counts[kind] += 1
        chunk = self._chunk(kind, newest_ns)
        if kind is Kind.REPEATED and self._last is not None:
            self._on_the_way.append(OnTheWay(self._tick + 1, self._last))
        if kind is Kind.LOST:
            return
        latency = LATEST_TICKS if kind is Kind.LATE else USUAL_TICKS
        self._on_the_way.append(OnTheWay(self._tick + int(self._random.integers(latency)), chunk))
        self._last = chunk

    def _chunk(self, kind: Kind, stamp_ns: int) -> ActionChunk:
        loudness = float(np.exp(self._random.uniform(np.log(0.05), np.log(LOUDEST))))
        values = self._smooth(min(loudness, 1.0) if kind is Kind.TAME else loudness)
        if kind is Kind.JAGGED:
            values = self._random.uniform(-1.0, 1.0, values.shape)
        speed = 1.0 if self._random.random() < 0.7 else float(self._random.uniform(0.05, 1.0))
        chunk = ActionChunk(self._names, self._range.physical(values), stamp_ns, speed, self._source)
        spoil = _SPOILT.get(kind)
        return chunk if spoil is None else spoil(chunk, self._random)

    def _smooth(self, loudness: float) -> FloatArray:
        """(H, A): a sum of three oscillations a dimension, periods of 4 to 40 actions, within `loudness`."""
        dimensions = len(self._names)
        weights = self._random.dirichlet(np.ones(3), dimensions)
        periods, phases = (
            self._random.uniform(4.0, 40.0, (dimensions, 3)),
            self._random.uniform(0.0, 2 * np.pi, (dimensions, 3)),
        )
        at = np.arange(self._length)[:, None, None]
        waves: FloatArray = (weights * np.sin(2 * np.pi * at / periods + phases)).sum(axis=2)
        return loudness * waves


def _with_one(value: float) -> Callable[[ActionChunk, np.random.Generator], ActionChunk]:
    """One component of the chunk is `value`."""

    def spoil(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
        actions = chunk.actions.copy()
        actions[tuple(random.integers(actions.shape))] = value
        return replace(chunk, actions=actions)

    return spoil


def _huge(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    return replace(chunk, actions=np.sign(chunk.actions) * float(random.choice([1e30, 1e300])))


def _misnamed(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    names = list(chunk.names)
    random.shuffle(names)
    return replace(chunk, names=(*names[:-1], "nobody"))


def _misshapen(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    longer = np.vstack([chunk.actions, chunk.actions])
    return replace(chunk, actions=[chunk.actions[:, :-1], longer][int(random.integers(2))])


def _empty(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    return replace(chunk, actions=chunk.actions[:0])


def _old(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    return replace(chunk, stamp_ns=max(chunk.stamp_ns - int(random.integers(10**9, 10**10)), 0))


def _future(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    return replace(chunk, stamp_ns=chunk.stamp_ns + int(random.integers(10**8, 10**10)))


def _bad_speed(chunk: ActionChunk, random: np.random.Generator) -> ActionChunk:
    return replace(chunk, speed=float(random.choice(BAD_SPEEDS)))


_SPOILT: dict[Kind, Callable[[ActionChunk, np.random.Generator], ActionChunk]] = {
    Kind.HUGE: _huge,
    Kind.NOT_A_NUMBER: _with_one(math.nan),
    Kind.INFINITE: _with_one(-math.inf),
    Kind.NAMES: _misnamed,
    Kind.SHAPE: _misshapen,
    Kind.EMPTY: _empty,
    Kind.OLD: _old,
    Kind.FUTURE: _future,
    Kind.BAD_SPEED: _bad_speed,
}
