"""A command session under a policy whose chunks come late, twice, out of order or never, and an operator who stops and resets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from contract_files import two_joints
from hypothesis import strategies as st

from qgf_ros.contract.load import with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.control.chunk_player import ChunkPlayer, Due
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.session import CommandSession, SessionConfig
from qgf_ros.datatypes import ActionChunk, JointCommand, JointReading, Rung
from qgf_ros.errors import ChunkRefused

TICK_NS = 10_000_000
BEGIN_NS = 1_000_000_000
RESEND_TICKS = 30
NAMES = ("shoulder", "elbow")
Name = tuple[int, int]  # number of a chunk, index of an action in it


@dataclass(frozen=True)
class Timing:
    """How chunks follow one another: H, s, d, ticks an action, and how long before its tick a sensor measures, ns."""

    length: int
    chunks: Chunking
    ticks: int
    sensed_before_ns: int


class Fate(Enum):
    """What becomes of a chunk on its way."""

    ARRIVES = "arrives"
    TWICE = "twice"
    LOST = "lost"
    OVERTAKEN = "overtaken"  # it is delivered once more, after the next one


class Operator(Enum):
    """What is done at a tick."""

    STOP = "stop"
    STOP_AND_START = "stop and start"
    RESET_AND_START = "reset and start"  # once the arm is at rest
    START = "start"


@dataclass(frozen=True)
class Story:
    """How many ticks each chunk takes and what becomes of it, in order; what the operator does, by tick."""

    deliveries: list[tuple[int, Fate]]
    operator: dict[int, Operator] = field(default_factory=dict)


@st.composite
def timings(draw: st.DrawFn) -> Timing:
    """Any mode with any feasible H, s and d, any ticks an action, any phase of the sensors."""
    length, mode = draw(st.integers(1, 8)), draw(st.sampled_from(ChunkMode))
    delay = 0 if mode is ChunkMode.SYNCHRONOUS else draw(st.integers(0, length // 2))
    horizon = draw(st.integers(max(delay, 1), length - delay))
    ticks, before_ns = draw(st.integers(1, 4)), draw(st.sampled_from([0, 1, TICK_NS // 2, TICK_NS - 1]))
    return Timing(length, Chunking(mode, horizon, delay), ticks, before_ns)


@dataclass(frozen=True)
class Served:
    """A tick: its stamp, the command, how many starts there were, whether it is running, and what action began at it."""

    stamp_ns: int
    command: JointCommand
    starts: int
    is_running: bool
    began: Name | None


@dataclass
class Made:
    """A chunk: when it was observed, and after how many starts."""

    chunk: ActionChunk
    observed_ns: int
    starts: int


class RecordingPlayer(ChunkPlayer):
    """Keeps the last action that began."""

    due: Due | None = None

    def advance(self, stamp_ns: int, speed: float = 1.0) -> Due | None:
        self.due = super().advance(stamp_ns, speed)
        return self.due


class World:
    """Runs tick by tick; every action is told apart by its values."""

    def __init__(self, folder: Path, timing: Timing, story: Story) -> None:
        self.timing = timing
        self.contract = _contract(folder, timing)
        self._gate = CommandGate(self.contract, None)
        self._player = self._gate.player = RecordingPlayer(self.contract)
        self._monitor = JointMonitor(self.contract)
        self._session = CommandSession(
            self._gate, self._monitor, SessionConfig(60.0, full_speed_confirmed=True)
        )
        self._operator = story.operator
        self._fates: Iterator[tuple[int, Fate]] = chain(story.deliveries, repeat((0, Fate.ARRIVES)))
        self._names: dict[bytes, Name] = {}
        self._on_the_way: dict[int, list[ActionChunk]] = {}
        self._again: list[ActionChunk] = []
        self._busy_until = self._answered_at = 0
        self._wanted_ns = self._answered_ns = 0
        self._starts = 0
        self._is_resetting = False
        self.made: list[Made] = []
        self.served: list[Served] = []
        self.refused: list[str] = []

    def run(self, ticks: int) -> None:
        """Serves so many ticks from the first start on."""
        for number in range(ticks):
            now_ns = BEGIN_NS + number * TICK_NS
            self._sense(now_ns - self.timing.sensed_before_ns)
            if number == 0:
                self._session.look(now_ns)
                self._start(now_ns)
            self._do(self._operator.get(number), now_ns)
            self._finish_reset(now_ns)
            self._propose(number, now_ns - self.timing.sensed_before_ns)
            for chunk in self._on_the_way.pop(number, []):
                self._offer(chunk, now_ns)
            self._serve(now_ns)

    def _sense(self, stamp_ns: int) -> None:
        at = self._gate.limiter.state.positions if self.served else np.array([0.0, 0.0])
        self._monitor.update(JointReading(stamp_ns, NAMES, at, np.zeros(0), np.zeros(0)))

    def _start(self, now_ns: int) -> None:
        self._starts += 1
        self._wanted_ns = self._session.start(now_ns).wanted_from_ns

    def _do(self, what: Operator | None, now_ns: int) -> None:
        if what is None:
            return
        if what is not Operator.START:
            self._session.stop("stopped")
            self._wanted_ns = 0
        self._is_resetting = what is Operator.RESET_AND_START
        if what in (Operator.START, Operator.STOP_AND_START):
            self._start(now_ns)

    def _finish_reset(self, now_ns: int) -> None:
        """As the node does: begins anew only once the arm is at rest."""
        if self._is_resetting and self._session.is_at_rest:
            self._is_resetting = False
            self._session.begin(now_ns)
            self._start(now_ns)

    def _propose(self, number: int, observed_ns: int) -> None:
        """One chunk at a time, once for each wish; again when nothing came of it for long."""
        is_answered = self._wanted_ns == self._answered_ns and number < self._answered_at + RESEND_TICKS
        if not 0 < self._wanted_ns <= observed_ns or is_answered or number < self._busy_until:
            return
        latency, fate = next(self._fates)
        chunk = self._new_chunk(observed_ns)
        arrivals = self._on_the_way.setdefault(number + latency, [])
        arrivals += [chunk] * {Fate.LOST: 0, Fate.TWICE: 2}.get(fate, 1) + self._again
        self._again = [chunk] if fate is Fate.OVERTAKEN else []
        self._busy_until = self._answered_at = number + latency
        self._answered_ns = self._wanted_ns

    def _new_chunk(self, observed_ns: int) -> ActionChunk:
        number = len(self.made)
        actions = np.array(
            [
                [0.02 * np.sin(number + index), 1e-6 * (number * 100 + index)]
                for index in range(self.timing.length)
            ]
        )
        self._names |= {action.tobytes(): (number, index) for index, action in enumerate(actions)}
        chunk = ActionChunk(NAMES, actions, observed_ns)
        self.made.append(Made(chunk, observed_ns, self._starts))
        return chunk

    def _offer(self, chunk: ActionChunk, now_ns: int) -> None:
        try:
            self._session.offer(chunk, now_ns)
        except ChunkRefused as error:
            self.refused.append(error.reason)

    def _serve(self, now_ns: int) -> None:
        self._player.due = None
        tick = self._session.tick(now_ns)
        assert tick.command is not None, "every tick has a command"
        self._wanted_ns = tick.wanted_from_ns
        began = None if self._player.due is None else self._names[self._player.due.action.tobytes()]
        is_running = tick.rung is not Rung.HOLD
        self.served.append(Served(now_ns, tick.command, self._starts, is_running, began))


def _contract(folder: Path, timing: Timing) -> Contract:
    def edit(content: dict[str, dict[str, object]]) -> None:
        content["interface"]["chunk_length"] = timing.length
        content["interface"]["control_period_s"] = timing.ticks * TICK_NS * 1e-9

    return with_chunks(two_joints(folder, edit), timing.chunks)
