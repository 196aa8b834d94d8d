"""Anything may happen to a command session, in any order; after every tick the laws of its commands are checked."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from contract_files import two_joints
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from limit_checks import assert_inside_limits
from session_bench import TICK_NS, Bench
from stopping_bound import stopping_distance

from qgf_ros.contract.schema import Contract
from qgf_ros.control.session import SessionConfig, Tick
from qgf_ros.datatypes import FloatArray, Rung, Sender
from qgf_ros.errors import ChunkRefused, MotionRefused, NotReadyError, ObservationRefused
from qgf_ros.seen import Seen

MOVING = (Rung.CHUNK, Rung.TAIL)
SEEN = Seen(("shoulder", "elbow"), (-1.0, -0.5), (1.0, 0.5), (-0.5, -0.3), (0.6, 0.3))
ROUNDING = 1e-9
LEAP_NS = 600_000_000
FAULTS = ("qos", "second_publisher")


def contract_of_laws() -> Contract:
    """Two joints under a controller that says how fast it follows."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["speed_scaling"] = "speed_scaling"

    with tempfile.TemporaryDirectory() as folder:
        return two_joints(Path(folder), edit)


CONTRACT = contract_of_laws()
LIMITS = [CONTRACT.deployment.limits[joint] for joint in CONTRACT.interface.joints]
BOUNDS = np.array([stopping_distance(limit.velocity, limit, TICK_NS * 1e-9) for limit in LIMITS])
TIMES_S = [limit.velocity / limit.acceleration + 2 * limit.acceleration / limit.jerk for limit in LIMITS]
TICKS_TO_REST = (
    math.ceil(max(TIMES_S) / (TICK_NS * 1e-9)) + 2
)  # a stop takes effect at the next tick, and rests one later


class SessionMachine(RuleBasedStateMachine):
    """The rules are what may happen; what they assert, and `_check`, are the laws."""

    @initialize(confirmed=st.booleans(), knows=st.booleans())
    def begin_with(self, confirmed: bool, knows: bool) -> None:
        self.bench = Bench(CONTRACT, SessionConfig(full_speed_confirmed=confirmed), SEEN if knows else None)
        self.session = self.bench.session
        self.bench.now_ns = 100 * LEAP_NS
        self.rows: list[FloatArray] = []  # commands since the last placement
        self.is_latched = self.is_pressed = self.is_started = self.is_stop_due = False
        self.stopped_at: FloatArray | None = None
        self.seen_ns = self.held_since_ns = self.braked = 0
        self.bench.session.speed_scaling(100.0, self.bench.now_ns)

    # -- time and joint states -----------------------------------------------------------------------------------------

    @rule(count=st.sampled_from([1, 2, 5, 20, 60]), sees=st.booleans())
    def time_passes(self, count: int, sees: bool) -> None:
        for _ in range(count):
            if sees:
                self.seen_ns = self.bench.now_ns
            self._check(self.bench.tick(sees=sees))

    @rule(
        value=st.sampled_from([math.nan, math.inf, 60.0, -1e300]),
        names=st.sampled_from([("shoulder",), ("elbow", "shoulder"), ("elbow", "elbow"), ()]),
        age_ns=st.sampled_from([0, 50_000_000, 90_000_000, -30_000_000, -(10**12)]),
    )
    def joint_states_make_no_sense(self, value: float, names: tuple[str, ...], age_ns: int) -> None:
        self.bench.now_ns, now_ns = self.bench.now_ns - age_ns, self.bench.now_ns
        self.bench.read(names, [value] * 2)
        self.bench.now_ns = now_ns
        self._check(self.bench.tick(sees=False))

    @rule(push=st.floats(-0.6, 0.6))
    def somebody_pushes_the_arm(self, push: float) -> None:
        self.bench.positions["elbow"] = float(np.clip(self.bench.positions["elbow"] + push, -1.0, 1.5))

    @rule(off=st.sampled_from([0.05, 0.15, 0.5]), ticks=st.integers(1, 60))
    def somebody_holds_the_arm(self, off: float, ticks: int) -> None:
        for tick in range(ticks):
            self.seen_ns = self.bench.now_ns
            self.bench.see(elbow=min(self.bench.positions["elbow"] + off, 1.5) - 1e-6 * (tick % 2))
            self._check(self.bench.tick(sees=False))

    @rule(leap_ns=st.sampled_from([-LEAP_NS, LEAP_NS]))
    def the_clock_leaps(self, leap_ns: int) -> None:
        self.bench.now_ns += leap_ns
        self.is_started = self.is_started and leap_ns > 0
        self.seen_ns = self.held_since_ns = 0
        self._check(self.bench.tick(sees=False))

    @rule(ticks=st.integers(1, 30), silent=st.sampled_from([0, 15, 70]))
    def all_is_made_good_and_a_chunk_played(self, ticks: int, silent: int) -> None:
        if not self.is_started:
            self.release()
            for fault in FAULTS:
                self.session.unsuspend(fault)
            self.time_passes(60, True)
            self.reset(False)
            self.start()
        self.the_controller_says_its_speed(100.0)
        self.a_chunk_comes(1.0, 0, False, True)
        self.time_passes(ticks, True)
        if silent:
            self.time_passes(silent, False)
            self.time_passes(5, True)

    # -- operator, policy and controller -------------------------------------------------------------------------------

    @rule()
    def start(self) -> None:
        try:
            self.session.start(self.bench.now_ns)
        except (NotReadyError, ObservationRefused, MotionRefused):
            return
        assert not self.is_latched
        self.is_started, self.held_since_ns = True, 0

    @rule()
    def stop(self) -> None:
        self.session.stop("stopped")
        self.is_started = False

    @rule(is_pressed=st.sampled_from([None, False, True]))
    def emergency_stop_or_a_bug(self, is_pressed: bool | None) -> None:
        if is_pressed is None:
            self.session.fail("A bug")
        else:
            self.session.emergency_stop(is_pressed)
        self.is_pressed |= bool(is_pressed)
        self.is_stop_due, self.is_started = True, False
        if self.rows and self.stopped_at is None:
            self.stopped_at, self.braked = self.rows[-1][0], 0

    @rule()
    def release(self) -> None:
        self.session.emergency_release()
        self.is_pressed = False

    @rule(deactivates=st.booleans())
    def reset(self, deactivates: bool) -> None:
        """As the node does: only at rest; activating anew forgets the robot, and clears no stop."""
        self.stop()
        if not self.session.is_at_rest:
            return
        self.rows, self.stopped_at, self.is_started = [], None, False
        if deactivates:
            self.session.clear()
            return
        try:
            self.session.begin(self.bench.now_ns)
        except (NotReadyError, ObservationRefused):
            return
        assert not self.is_pressed
        self.is_latched = self.is_stop_due = False

    @rule(fault=st.sampled_from(FAULTS), is_gone=st.booleans())
    def somebody_finds_a_fault(self, fault: str, is_gone: bool) -> None:
        if is_gone:
            self.session.unsuspend(fault)
            return
        self.session.suspend(fault, "A fault.")
        assert self.bench.tick().rung not in MOVING
        self._check(self.bench.ticks[-1])

    @rule(percent=st.sampled_from([0.0, 5.0, 50.0, 100.0, math.nan]))
    def the_controller_says_its_speed(self, percent: float) -> None:
        self.session.speed_scaling(percent, self.bench.now_ns)

    @rule(to=st.sampled_from(Sender))
    def somebody_takes_over(self, to: Sender) -> None:
        self.session.hand_over(to)

    @rule(
        scale=st.floats(0.0, 3.0),
        age_ns=st.sampled_from([0, 20_000_000, 10**9, -(10**9)]),
        spoiled=st.sampled_from([False, False, False, True]),
        is_in_command=st.sampled_from([True, True, True, False]),
    )
    def a_chunk_comes(self, scale: float, age_ns: int, spoiled: bool, is_in_command: bool) -> None:
        sender = next(who for who in Sender if (who is self.session.in_command) == is_in_command)
        actions = (
            np.array([[0.1, 0.2], [-0.1, 0.2], [0.1, -0.2], [math.nan if spoiled else 0.1, 0.1]]) * scale
        )
        wanted, refused = self.session.wants_chunk, ""
        try:
            self.bench.offer(actions, stamp_ns=max(self.bench.now_ns - age_ns, 1), source=sender.value)
        except ChunkRefused as error:
            refused = error.reason
            self.is_started = self.is_started and refused != "not_finite"
        else:
            assert wanted
            assert self.is_started
            assert not self.is_latched
        assert (refused == "not_in_command") != is_in_command
        self.time_passes(5, True)

    # -- laws ----------------------------------------------------------------------------------------------------------

    def _check(self, tick: Tick) -> None:
        self._check_states(tick)
        if tick.command is None:
            is_away = "hold:away" in map(str, tick.findings)
            assert not self.rows or is_away, "a stream of commands does not end"
            assert not self.rows or np.abs(self.rows[-1][1:]).max() < ROUNDING, "nor in motion"
            return
        command = tick.command
        assert (command.rung, command.reason) == (tick.rung, tick.reason)
        self.rows.append(np.array([command.positions, command.velocities, command.accelerations]))
        assert_inside_limits(CONTRACT, np.array(self.rows[-2:]))
        if self.stopped_at is not None:
            self.braked += 1
            assert (np.abs(command.positions - self.stopped_at) <= BOUNDS + ROUNDING).all()
            assert self.braked < TICKS_TO_REST or self.session.is_at_rest

    def _check_states(self, tick: Tick) -> None:
        now_ns = self.bench.now_ns - TICK_NS
        if self.is_latched or self.is_stop_due:
            assert tick.rung is Rung.STOP
        if tick.rung is Rung.STOP:
            if not self.is_latched and self.stopped_at is None and self.rows:
                self.stopped_at, self.braked = self.rows[-1][0], 0
            self.is_latched, self.is_started = True, False
        if tick.rung in MOVING:
            assert self.is_started
            assert now_ns - self.seen_ns <= 100_000_000
            held_ns = now_ns - self.held_since_ns if self.held_since_ns else 0
            assert held_ns <= 500_000_000 + TICK_NS, "after a long break nothing resumes by itself"
            self.held_since_ns = 0
        elif not self.held_since_ns:
            self.held_since_ns = now_ns
