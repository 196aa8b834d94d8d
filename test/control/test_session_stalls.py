"""What the session does with ticks that were not served, by the kind of controller, and what certificates say of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st
from session_bench import BEGIN_NS, TICK_NS, Bench

from qgf_ros.contract.schema import Contract, Output, OutputKind
from qgf_ros.control.session import Tick
from qgf_ros.control.unattended import Unattended
from qgf_ros.datatypes import ActionChunk, Finding, FloatArray, JointReading, Rung, Verdict
from qgf_ros.evaluate.witness import Witness

HOLDS, GOES_ON = OutputKind.GROUP, OutputKind.TRAJECTORY
KINDS = [(HOLDS, HOLDS), (GOES_ON, GOES_ON), (HOLDS, GOES_ON), (GOES_ON, HOLDS)]
PERIOD = 5  # ticks
ROUNDING = 1e-9


def contract_of(kinds: tuple[OutputKind, OutputKind]) -> Contract:
    """Two joints, each under a controller of its own kind."""
    with tempfile.TemporaryDirectory() as folder:
        found = two_joints(Path(folder))
    outputs = tuple(
        Output(kind, f"{joint}_controller/commands", (joint,))
        for kind, joint in zip(kinds, found.interface.joints, strict=True)
    )
    return replace(found, deployment=replace(found.deployment, outputs=outputs))


CONTRACTS = {kinds: contract_of(kinds) for kinds in KINDS}


@dataclass
class Stalling:
    """A session whose computer stalls now and then, and its witness: the certifier, and the verifier of recordings."""

    bench: Bench
    witness: Witness
    missed: int = 0

    def see(self) -> None:
        bench = self.bench
        names, positions = tuple(bench.positions), np.array(list(bench.positions.values()))
        reading = JointReading(bench.now_ns, names, positions, np.zeros(0), np.zeros(0))
        bench.monitor.update(reading)
        self.witness.joints(reading)

    def tick(self, count: int = 1, missed: int = 0) -> Tick:
        """Serves ticks, the first after so many that were missed; each must be verified."""
        for number in range(count):
            followed = 0 if number else missed
            self.missed += followed
            self.bench.now_ns += followed * TICK_NS
            self.see()
            self.bench.session.miss(followed)
            tick = self.bench.session.tick(self.bench.now_ns)
            self.bench.ticks.append(tick)
            self.bench._follow(tick)
            ages = self.bench.monitor.ages_s(self.bench.now_ns).tolist()
            found = self.witness.tick(tick, ages, self.bench.now_ns, self.missed, followed)
            assert found == []
            self.bench.now_ns += TICK_NS
        return self.bench.ticks[-1]

    def offer(self) -> None:
        """A chunk comes, from the newest joint states, where one is wanted of those."""
        if not self.bench.session.needs_chunk(self.bench.now_ns - TICK_NS):
            return
        actions = np.array([[0.1, 0.2]] * 4)
        chunk = ActionChunk(("shoulder", "elbow"), actions, self.bench.now_ns - TICK_NS)
        self.witness.offered(chunk)
        self.bench.session.offer(chunk, self.bench.now_ns)
        self.witness.taken(chunk)

    def start(self) -> None:
        self.witness.announce(self.bench.session.start(self.bench.now_ns - TICK_NS), [0.0, 0.0])

    def run(self) -> None:
        """In full motion."""
        self.tick(3)
        self.start()
        self.offer()
        self.tick(10)


def stalling(kinds: tuple[OutputKind, OutputKind]) -> Stalling:
    contract = CONTRACTS[kinds]
    made = Stalling(Bench(contract), Witness(contract, None, 0.5))
    made.run()
    return made


class Thrown(Unattended):
    """With a bug: every joint goes on at its old velocity, however long it has stood."""

    def follow(self, ticks: int) -> None:
        """Nothing follows."""


def test_a_joint_that_would_be_thrown_on_after_a_stall_is_found_by_the_verifier() -> None:
    found = stalling((HOLDS, HOLDS))
    gate = found.bench.gate
    gate.unattended = Thrown(gate.limiter, gate._mover.stops, PERIOD, [])
    with pytest.raises(AssertionError, match="consistent shoulder"):
        found.tick(missed=100)


def states(tick: Tick) -> Iterator[FloatArray]:
    """Position, velocity and acceleration of each joint."""
    assert tick.command is not None
    command = tick.command
    yield from np.stack([command.positions, command.velocities, command.accelerations]).T


def test_after_a_stall_joints_that_were_held_begin_at_rest_where_they_stand() -> None:
    found = stalling((HOLDS, HOLDS))
    before = found.bench.ticks[-1]
    after = found.tick(missed=100)
    for (q, v, _), (now, velocity, acceleration) in zip(states(before), states(after), strict=True):
        assert abs(v) > 0.4
        assert (now, velocity, acceleration) == (q, 0.0, 0.0)


@pytest.mark.parametrize("kinds", KINDS)
def test_after_a_stall_the_chunk_is_dropped_and_at_rest_another_is_asked_for(
    kinds: tuple[OutputKind, OutputKind],
) -> None:
    found = stalling(kinds)
    tick = found.tick(missed=100)
    assert (tick.rung, tick.reason) == (Rung.HOLD, "stalled")
    assert Finding(Verdict.HOLD, "stalled") in tick.findings
    assert "100 ticks" in found.bench.session.sentence
    tick = found.tick()
    assert tick.rung is Rung.TAIL
    assert tick.wanted_from_ns > 0
    assert tick.command is not None
    assert tick.command.chunk_stamp_ns == 0
    assert found.bench.session.sentence == ""
    found.tick()
    found.offer()
    assert found.tick(3).rung is Rung.CHUNK


def test_a_joint_that_follows_its_plan_brakes_first_and_the_chunk_after_it_begins_at_rest() -> None:
    """Just after its plan has left the chunk's path for a stop."""
    found = stalling((GOES_ON, GOES_ON))
    tick = found.tick(missed=PERIOD + 1)
    assert not found.bench.session.is_at_rest
    while not found.bench.session.is_at_rest:
        assert (tick.rung, tick.reason) == (Rung.HOLD, "stalled")
        tick = found.tick()
    stood = [q for q, _, _ in states(tick)]
    tick = found.tick(20)
    assert (tick.rung, [q for q, _, _ in states(tick)]) == (Rung.TAIL, pytest.approx(stood, abs=ROUNDING))


@pytest.mark.parametrize("kinds", KINDS)
def test_what_a_control_period_bridges_leaves_the_chunk_in_play(
    kinds: tuple[OutputKind, OutputKind],
) -> None:
    found = stalling(kinds)
    tick = found.tick(missed=PERIOD)
    assert tick.rung is Rung.CHUNK
    assert tick.findings == ()


def test_a_stall_starts_nothing_that_was_stopped() -> None:
    found = stalling((HOLDS, HOLDS))
    found.bench.session.stop("stopped")
    assert found.tick(missed=100).reason == "stalled"
    assert (found.tick().rung, found.tick(50).reason) == (Rung.HOLD, "stopped")


def test_a_stall_clears_no_latched_stop() -> None:
    found = stalling((HOLDS, HOLDS))
    found.bench.session.fail("a bug")
    assert found.tick(missed=100).rung is Rung.STOP
    assert found.tick(50).rung is Rung.STOP


def test_before_the_command_is_placed_a_stall_is_none() -> None:
    bench = Bench(CONTRACTS[HOLDS, HOLDS])
    bench.session.miss(100)
    assert bench.tick(sees=False).reason == "missing"
    assert bench.tick().reason == "not started"


def test_a_command_that_is_placed_anew_before_the_first_tick_after_a_stall_is_verified() -> None:
    found = stalling((HOLDS, HOLDS))
    found.bench.session.stop("reset")
    found.tick(60)
    found.bench.session.begin(found.bench.now_ns - TICK_NS)
    assert found.tick(missed=17).reason == "stalled"
    assert found.tick().reason == "not started"


def test_a_stall_is_over_also_where_the_command_is_placed_anew() -> None:
    found = stalling((HOLDS, HOLDS))
    found.bench.session.miss(100)
    found.bench.session.begin(found.bench.now_ns - TICK_NS)
    assert found.bench.tick(2).reason == "not started"


@given(
    kinds=st.sampled_from(KINDS),
    life=st.lists(st.tuples(st.integers(1, 25), st.integers(0, 30)), min_size=1, max_size=8),
    stopped=st.integers(0, 8),
)
def test_whatever_is_missed_every_certificate_is_verified(
    kinds: tuple[OutputKind, OutputKind], life: list[tuple[int, int]], stopped: int
) -> None:
    found = stalling(kinds)
    for number, (ticks, missed) in enumerate(life):
        if number == stopped:
            found.bench.session.emergency_stop()
        found.tick(missed=missed)
        for _ in range(ticks):
            found.offer()
            found.tick()
    assert found.bench.now_ns > BEGIN_NS
