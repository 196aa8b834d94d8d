"""A long life in lockstep: many ticks with random faults, chunks and operators, in episodes that can each be run again.

Unsafe is a command outside a limit, by arithmetic of our own (`limit_watch.py`); a certificate that does not hold
(`qgf verify`'s rules); an exception that nobody meant, or a limiter that finds no stop. All are written down with their tick.

The last episode is as long as all others together, and has one session, gate, monitor and verifier for all of its scenes: what
grows within a session is seen there, and nowhere else. It is begun first, so that it ends with the others.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from qgf_ros.contract.load import load_contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.datatypes import Rung
from qgf_ros.errors import InvalidSetting, WorkerDiedError
from qgf_ros.evaluate.random_life import RandomLife
from qgf_ros.evaluate.robot import load_simulation
from qgf_ros.evaluate.session_loop import MakeGate, Served, SessionLoop, with_speed_scaling
from qgf_ros.evaluate.sources import ChunkSource, PolicySource
from qgf_ros.evaluate.wild_chunks import WildChunks
from qgf_ros.evaluate.workers import run_jobs

EPISODE_TICKS = 10_000  # of an episode but the last, and of a scene
POLICY_EVERY = 4  # scenes: one of so many has the policy, the others wild chunks
RSS_EVERY = 500  # ticks
KEPT_TROUBLES = 50  # of an episode
KEPT_ALIKE = 2
NUMBER = re.compile(r"[-+]?[0-9][0-9.e+-]*")


@dataclass(frozen=True)
class SoakPlan:
    """What is run: contract, the policy's checkpoint, task, ticks in all, seed; how many ticks make an episode, and a scene of the last."""

    contract: Path
    checkpoint: Path
    task: str
    ticks: int
    seed: int = 0
    episode_ticks: int = EPISODE_TICKS

    @property
    def episodes(self) -> int:
        """How many episodes that makes: as many as fit into half of the ticks, and a long one."""
        return self.ticks // 2 // self.episode_ticks + 1

    @property
    def order(self) -> list[int]:
        """The episodes as they are begun: the longest first."""
        return [self.episodes - 1, *range(self.episodes - 1)]

    def ticks_of(self, episode: int) -> int:
        """Ticks of an episode: the last one has half of all or more. Raises InvalidSetting where there is no such episode."""
        if not 0 <= episode < self.episodes:
            raise InvalidSetting("--episode", episode, f"0 to {self.episodes - 1}")
        is_last = episode == self.episodes - 1
        return self.ticks - episode * self.episode_ticks if is_last else self.episode_ticks


@dataclass(frozen=True)
class Trouble:
    """Something that must never be: in which episode, at which of its ticks, what."""

    episode: int
    tick: int
    kind: str
    sentence: str


@dataclass
class EpisodeFigures:
    """What an episode gave. `digest` of all commands in order; `rss` in bytes, every `RSS_EVERY` ticks, of process `pid`."""

    episode: int
    ticks: int = 0
    limit_violations: int = 0
    unverified: int = 0
    crashes: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)
    rungs: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    digest: str = ""
    rss: list[int] = field(default_factory=list)
    pid: int = 0


class Soak:
    """Runs episodes one after another. State: the loop, whose session begins anew with each. One thread."""

    def __init__(self, plan: SoakPlan, make_gate: MakeGate = CommandGate) -> None:
        """`make_gate`: instead of the command node's, to see whether a fault of its own is found."""
        self._plan = plan
        contract = with_speed_scaling(load_contract(plan.contract))
        self._wild, self._policy = WildChunks(contract), PolicySource(contract, plan.checkpoint)
        self._loop = SessionLoop(contract, load_simulation(plan.task), self._wild, make_gate)

    def episode(self, number: int) -> EpisodeFigures:
        """Runs one episode, from its own seed: one session, in a new scene every `episode_ticks`."""
        loop, length = self._loop, self._plan.ticks_of(number)
        random = np.random.default_rng((self._plan.seed, number))
        found, commands = EpisodeFigures(number, pid=os.getpid()), hashlib.sha256()
        loop.source = self._source(number)
        loop.reset(int(random.integers(2**31)))
        life = RandomLife(loop, random)
        for tick in range(length):
            if tick and tick % self._plan.episode_ticks == 0:
                loop.source = self._source(number + tick // self._plan.episode_ticks)
                loop.source.reset(int(random.integers(2**31)))
                life.new_scene()
            try:
                served = life.next()
            except Exception as error:  # a crash of the command node: what the soak looks for
                note(found, tick, "crash", [f"{type(error).__name__}: {error}"])
                break
            _count(found, tick, served)
            if served.tick.command is not None:
                commands.update(served.tick.command.positions.tobytes())
            if tick % RSS_EVERY == 0:
                found.rss.append(resident_bytes())
        found.faults, found.deeds, found.digest = life.faults, life.deeds, commands.hexdigest()[:16]
        return found

    def _source(self, scene: int) -> ChunkSource:
        return self._policy if scene % POLICY_EVERY == POLICY_EVERY - 1 else self._wild


def _count(found: EpisodeFigures, tick: int, served: Served) -> None:
    outcome = served.tick
    label = outcome.rung.value
    if outcome.rung in (Rung.HOLD, Rung.STOP):
        label = f"{label}:{outcome.reason}"
    found.ticks += 1
    found.rungs[outcome.rung.value] += 1
    found.reasons[label] += 1
    found.refused.update(served.refused)
    found.findings.update({f"{finding.verdict.value}:{finding.reason}" for finding in outcome.findings})
    found.limit_violations += len(served.broken)
    found.unverified += bool(served.unverified)
    note(found, tick, "limit", served.broken)
    note(found, tick, "unverified", served.unverified)
    note(found, tick, "crash", served.failures)


def note(found: EpisodeFigures, tick: int, kind: str, sentences: Sequence[str]) -> None:
    """Writes down what must never be: of sentences that differ only in their numbers, the first `KEPT_ALIKE`."""
    found.crashes += len(sentences) if kind == "crash" else 0
    for sentence in sentences:
        shape = f"{kind} {NUMBER.sub('#', sentence)}"
        found.shapes[shape] += 1
        if found.shapes[shape] <= KEPT_ALIKE and len(found.troubles) < KEPT_TROUBLES:
            found.troubles.append(Trouble(found.episode, tick, kind, sentence))


def resident_bytes() -> int:
    """Memory of this process that lies in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def run_soak(plan: SoakPlan, processes: int) -> Iterator[EpisodeFigures]:
    """Every episode, in parallel processes, as they end (in any order); a process that dies is a crash in its episode."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    yield from run_jobs(partial(_player, plan), plan.order, processes, instead=died)


def died(episode: int, error: WorkerDiedError) -> EpisodeFigures:
    """An episode whose process died; at which tick nobody knows."""
    found = EpisodeFigures(episode)
    note(found, 0, "crash", [str(error)])
    return found


def _player(plan: SoakPlan) -> Callable[[int], EpisodeFigures]:
    return Soak(plan).episode
