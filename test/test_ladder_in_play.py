"""Policy and command session together, tick by tick on a virtual clock: what a stall of the policy costs, to the tick.

Everything is the nodes' own code but the wires between them: a message takes 2 ms, and who is busy reads it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from contract_files import two_joints
from stalling_engine import SCORING, Stall, StallingEngine, StraightEngine

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.load import with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.session import CommandSession, SessionConfig, Tick
from qgf_ros.datatypes import ActionChunk, JointReading, PoseReading, Rung
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.deadline import Budget, VirtualClock
from qgf_ros.inference.demand import Demand
from qgf_ros.inference.engines.stated import StatedEngine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.proposer import Proposer, Timed
from qgf_ros.inference.timely import TimelyPolicy

NAMES = ("shoulder", "elbow")
TICK_S, WIRE_S, MARGIN_S = 0.01, 0.002, 0.005
PERIOD_S, LENGTH = 0.05, 4
BEGIN_TICK = 100
STEPS = 10
COST = WalkCost(fixed_s=0.001, critic_s=0.001, step_s=0.0002, guided_s=0.002)  # the whole walk: 22 ms
SAMPLER = SamplerConfig(STEPS, weight=0.5)
SYNCHRONOUS, REAL_TIME = Chunking(), Chunking(ChunkMode.REAL_TIME, 2, 2)
DEADLINES = (0.0, 0.5, 1.0, 1.5, 3.0, 10.0)
PHASES = ["assembly", "sending", 0, 3, 6, 9, SCORING]
STALLED = 3  # the attempt that stalls
TICKS = 200


@dataclass(frozen=True)
class Sent:
    """A chunk on its way."""

    chunk: ActionChunk
    arrives_s: float


class World:
    """Runs the two; `phase` of attempt `STALLED` takes `stall_s` longer."""

    def __init__(self, contract: Contract, phase: str | int, stall_s: float) -> None:
        self._contract = contract
        self._phase, self._stall_s = phase, stall_s
        gate = CommandGate(contract, None)
        self._gate, self._monitor = gate, JointMonitor(contract)
        self._session = CommandSession(gate, self._monitor, SessionConfig(60.0, full_speed_confirmed=True))
        self._clock = VirtualClock()
        self._stalls: dict[int, Stall] = {}
        stated = StatedEngine(StraightEngine(), self._clock, COST)
        self._engine = StallingEngine(stated, self._stalls, self._clock.spend)
        policy = ChunkPolicy(contract.interface, self._engine)
        timely = TimelyPolicy(policy, SAMPLER, TimeGrid(STEPS), self._clock, passes=1)
        self.budget = Budget.of(contract, 0.0, MARGIN_S)
        assembler = Assembler(contract, None)
        self._proposer = Proposer(contract, assembler, timely, SAMPLER, self.budget, 0.0, resend_after_s=60.0)
        self._on_the_way: list[Sent] = []
        self._last: Tick | None = None
        self.attempts: list[Timed] = []
        self.ticks: list[tuple[float, Tick]] = []
        self.arrivals_s: list[float] = []

    def run(self) -> None:
        for number in range(BEGIN_TICK, BEGIN_TICK + TICKS):
            now_ns = number * 10_000_000
            positions = self._gate.limiter.state.positions if self.ticks else np.array([0.5, -0.25])
            joints = JointReading(now_ns, NAMES, positions, np.zeros(2), np.zeros(0))
            goal = PoseReading(now_ns, "base_link", np.zeros(3), np.array([1.0, 0, 0, 0]))
            self._monitor.update(joints)
            if number == BEGIN_TICK:
                self._clock.spend(now_ns * 1e-9 - self._clock.now_s())
                self._session.look(now_ns)
                self._last = self._session.start(now_ns)
            self._receive(now_ns)
            self._think(now_ns, {"joint_states": joints, "goal": goal})
            self._last = self._session.tick(now_ns)
            self.ticks.append((now_ns * 1e-9, self._last))

    def _receive(self, now_ns: int) -> None:
        for sent in [sent for sent in self._on_the_way if sent.arrives_s <= now_ns * 1e-9]:
            self._session.offer(sent.chunk, now_ns)
            self._on_the_way.remove(sent)
            self.arrivals_s.append(sent.arrives_s)

    def _think(self, now_ns: int, readings: dict[str, JointReading | PoseReading]) -> None:
        """What the policy node does with the messages of a tick, unless it is still busy with those before."""
        clock, proposer = self._clock, self._proposer
        if clock.now_s() > now_ns * 1e-9:
            return
        clock.spend(now_ns * 1e-9 - clock.now_s())
        proposer.readings.update(readings)
        proposer.demands.note(self._demand(now_ns))
        if not proposer.is_due(clock.now_s()):
            return
        is_stalled = len(self.attempts) == STALLED
        if is_stalled and self._phase == "assembly":
            clock.spend(self._stall_s)
        if is_stalled and isinstance(self._phase, int):
            self._stalls[self._engine.count] = Stall(self._phase, self._stall_s)
        timed = proposer.propose(round(clock.now_s() * 1e9))
        if is_stalled and self._phase == "sending":
            clock.spend(self._stall_s)
        timed = proposer.release(timed, clock.now_s())
        self.attempts.append(timed)
        proposal = timed.attempt.proposal
        if proposal is not None and timed.attempt.ending.is_sent:
            self._on_the_way.append(Sent(proposal.chunk, clock.now_s() + WIRE_S))

    def _demand(self, now_ns: int) -> Demand:
        tick, contract = self._last, self._contract
        assert tick is not None
        assert tick.command is not None
        return Demand(
            stamp_ns=now_ns - 10_000_000,
            wants_chunk=tick.wanted_from_ns > 0,
            wanted_from_ns=tick.wanted_from_ns,
            chunk_stamp_ns=tick.command.chunk_stamp_ns,
            begun=tick.command.begun,
            horizon=contract.execution_horizon,
            delay=contract.deployment.chunks.delay,
        )

    @property
    def rungs(self) -> list[Rung]:
        """From the first chunk on."""
        rungs = [tick.rung for _, tick in self.ticks]
        return rungs[rungs.index(Rung.CHUNK) :]

    def rung_at(self, seconds: float) -> Rung:
        """The rung of the first tick at or after a time."""
        return next(tick.rung for at_s, tick in self.ticks if at_s >= seconds)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[ChunkMode, Contract]:
    """Readings may be old, and no chunk is too fast, here: refusing old readings and slowing down are told elsewhere."""

    def patient(content: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
        for entry in content["deployment"]["inputs"].values():
            entry["max_age_s"] = 60.0
        for limits in content["deployment"]["limits"].values():
            limits["velocity"] = 100.0

    contract = two_joints(tmp_path_factory.mktemp("contract"), patient)
    return {chunks.mode: with_chunks(contract, chunks) for chunks in (SYNCHRONOUS, REAL_TIME)}


def played(contract: Contract, phase: str | int = SCORING, stall_s: float = 0.0) -> World:
    world = World(contract, phase, stall_s)
    world.run()
    return world


def test_a_delay_that_covers_the_walk_leaves_no_tick_without_an_action(
    contracts: dict[ChunkMode, Contract],
) -> None:
    assert set(played(contracts[ChunkMode.REAL_TIME]).rungs) == {Rung.CHUNK}


def test_without_a_delay_the_tail_lasts_from_the_last_action_to_the_chunk(
    contracts: dict[ChunkMode, Contract],
) -> None:
    world = played(contracts[ChunkMode.SYNCHRONOUS])
    walk_ticks = 3  # 22 ms of the walk and 2 of the wire, begun at the first tick of the tail
    cycle = [Rung.CHUNK] * 20 + [Rung.TAIL] * walk_ticks
    assert world.rungs == (cycle * 10)[: len(world.rungs)]


@pytest.mark.parametrize("deadlines", DEADLINES)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("mode", [ChunkMode.SYNCHRONOUS, ChunkMode.REAL_TIME])
def test_a_stall_costs_no_command_and_every_rung_comes_within_one_tick(
    contracts: dict[ChunkMode, Contract], mode: ChunkMode, phase: str | int, deadlines: float
) -> None:
    budget_s = Budget.of(contracts[mode], 0.0, MARGIN_S).within_s
    stall_s = deadlines * budget_s
    world = played(contracts[mode], phase, stall_s)
    assert all(tick.command is not None for _, tick in world.ticks)
    assert set(world.rungs) <= {Rung.CHUNK, Rung.TAIL}
    assert all(world.rung_at(arrival_s) is Rung.CHUNK for arrival_s in world.arrivals_s)
    assert {tick.refused for _, tick in world.ticks} == {""}
    whole_s = COST.of(STEPS, STEPS) + WIRE_S
    longest_tail_s = max(stall_s, budget_s) + budget_s + whole_s + 2 * TICK_S
    assert tails(world.rungs) <= longest_tail_s / TICK_S


def tails(rungs: list[Rung]) -> int:
    """The longest run of ticks on the tail."""
    longest = length = 0
    for rung in rungs:
        length = length + 1 if rung is Rung.TAIL else 0
        longest = max(longest, length)
    return longest


def test_everything_repeats_bit_by_bit(contracts: dict[ChunkMode, Contract]) -> None:
    first, second = (played(contracts[ChunkMode.REAL_TIME], 4, 0.07) for _ in range(2))
    assert [timed.attempt.spent_s for timed in first.attempts] == [t.attempt.spent_s for t in second.attempts]
    for (_, tick), (_, again) in zip(first.ticks, second.ticks, strict=True):
        assert tick.command is not None
        assert again.command is not None
        np.testing.assert_array_equal(tick.command.positions, again.command.positions)
