"""The command node's decisions: when the arm may move, which chunk is taken, and what follows from a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from limit_checks import assert_inside_limits

from qgf_ros.contract.load import with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.session import CommandSession, SessionConfig, Tick
from qgf_ros.datatypes import ActionChunk, FloatArray, JointReading, Rung
from qgf_ros.errors import ChunkRefused, MotionRefused, NotReadyError, ObservationRefused

TICK_NS = 10_000_000
BEGIN_NS = 1_000_000_000
NOTHING = np.zeros(0)


class Bench:
    """A session, its clock, and an arm that follows every command at once."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.monitor = JointMonitor(contract)
        self.gate = CommandGate(contract, None)
        self.session = CommandSession(self.gate, self.monitor, SessionConfig(full_speed_confirmed=True))
        self.now_ns = BEGIN_NS
        self.positions = {"elbow": -0.25, "shoulder": 0.5}
        self.ticks: list[Tick] = []

    def see(self, **changes: float) -> None:
        """Joint states come in, in an order that is not the contract's."""
        found = self.positions | changes
        self.read(tuple(found), list(found.values()))

    def read(self, names: tuple[str, ...], positions: list[float]) -> None:
        """Joint states come in as given."""
        self.monitor.update(JointReading(self.now_ns, names, np.array(positions), NOTHING, NOTHING))

    def tick(self, count: int = 1, sees: bool = True) -> Tick:
        """Serves ticks; the last one."""
        for _ in range(count):
            if sees:
                self.see()
            self.ticks.append(self.session.tick(self.now_ns))
            self._follow(self.ticks[-1])
            self.now_ns += TICK_NS
        return self.ticks[-1]

    def offer(
        self,
        actions: FloatArray | None = None,
        names: tuple[str, ...] = ("shoulder", "elbow"),
        stamp_ns: int = 0,
    ) -> None:
        """A chunk comes; by default it asks for full speed, from the present."""
        given = np.array([[0.1, 0.2]] * 4) if actions is None else actions
        self.session.offer(ActionChunk(names, given, stamp_ns or self.now_ns), self.now_ns)

    def run(self) -> None:
        """Starts, and plays half of a first chunk: the arm is moving."""
        self.tick()
        self.session.start(self.now_ns)
        self.offer()
        self.tick(8)
        assert not self.session.is_at_rest

    def _follow(self, tick: Tick) -> None:
        if tick.command is not None:
            self.positions = dict(
                zip(self.contract.interface.joints, tick.command.positions.tolist(), strict=True)
            )

    def commands(self) -> FloatArray:
        """Position, velocity, acceleration of all commands so far (T, 3, J)."""
        sent = [tick.command for tick in self.ticks if tick.command is not None]
        return np.array([[command.positions, command.velocities, command.accelerations] for command in sent])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A session over the contract of two joints."""
    return Bench(two_joints(tmp_path))


def assert_brakes_and_stays(bench: Bench, reason: str) -> None:
    """From now on: hold with this reason, inside the limits, to rest."""
    begun = len(bench.ticks)
    bench.tick(100, sees=False)
    assert {(tick.rung, tick.reason) for tick in bench.ticks[begun:]} == {(Rung.HOLD, reason)}
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


def test_nothing_is_sent_before_joint_states_come(bench: Bench) -> None:
    tick = bench.tick(sees=False)
    assert (tick.command, tick.rung, tick.reason) == (None, Rung.HOLD, "missing")


def test_the_first_command_is_the_measured_pose_at_rest(bench: Bench) -> None:
    command = bench.tick().command
    assert command is not None
    np.testing.assert_array_equal(command.positions, [0.5, -0.25])
    np.testing.assert_array_equal(command.velocities, 0.0)


def test_joints_are_matched_by_name_whoever_sends_them(bench: Bench) -> None:
    bench.read(("elbow", "of_another_robot"), [-0.25, 7.0])
    bench.read(("shoulder",), [0.5])
    command = bench.tick(sees=False).command
    assert command is not None
    np.testing.assert_array_equal(command.positions, [0.5, -0.25])


def test_starting_before_joint_states_came_is_refused(bench: Bench) -> None:
    with pytest.raises(NotReadyError, match="no joint states"):
        bench.session.start(bench.now_ns)


def test_starting_on_stale_joint_states_is_refused(bench: Bench) -> None:
    bench.tick()
    with pytest.raises(ObservationRefused, match="ago"):
        bench.session.start(bench.now_ns + 1_000_000_000)


def test_starting_away_from_the_command_is_refused_until_a_reset(bench: Bench) -> None:
    bench.tick()
    bench.positions["elbow"] += 0.11
    bench.see()
    with pytest.raises(MotionRefused, match=r"Joint 'elbow' stands 0\.110 from the command; 0\.1 is allowed"):
        bench.session.start(bench.now_ns)
    assert not bench.session.wants_chunk
    bench.session.begin(bench.now_ns)
    bench.session.start(bench.now_ns)
    assert bench.session.wants_chunk


def test_the_first_chunk_may_come_from_the_joint_states_known_at_the_start(bench: Bench) -> None:
    bench.tick()
    tick = bench.session.start(bench.now_ns)
    assert tick.wanted_from_ns == bench.monitor.newest_ns


def test_the_wish_for_a_chunk_stays_as_it_is_until_one_comes(bench: Bench) -> None:
    bench.run()
    played = 4 * bench.contract.ticks_per_action
    bench.tick(played)
    first, last = (tick.wanted_from_ns for tick in (bench.ticks[-5], bench.ticks[-1]))
    assert first == last > 0
    bench.offer()
    assert bench.tick().wanted_from_ns == 0


def test_without_a_new_chunk_the_arm_ends_at_rest(bench: Bench) -> None:
    bench.run()
    assert bench.tick(200).rung is Rung.TAIL
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


def test_joint_states_that_stop_coming_brake_the_arm(bench: Bench) -> None:
    bench.run()
    allowed = round(0.1 * 1e9 / TICK_NS)
    bench.tick(allowed, sees=False)
    assert_brakes_and_stays(bench, "stale")


@pytest.mark.parametrize(
    ("names", "positions", "reason"),
    [
        (("elbow", "shoulder"), [float("nan"), 0.5], "not_finite"),
        (("elbow", "shoulder"), [-0.25], "shape"),
        (("elbow", "shoulder", "elbow"), [-0.25, 0.5, 0.75], "shape"),
    ],
)
def test_joint_states_that_make_no_sense_brake_the_arm(
    bench: Bench, names: tuple[str, ...], positions: list[float], reason: str
) -> None:
    bench.run()
    bench.read(names, positions)
    assert bench.tick(sees=False).reason == reason
    assert not bench.session.is_well
    bench.tick(5, sees=False)
    assert_inside_limits(bench.contract, bench.commands())


def test_a_joint_that_never_comes_is_named_and_nothing_is_sent(bench: Bench) -> None:
    bench.read(("elbow", "wrist"), [0.0, 0.0])
    tick = bench.tick(sees=False)
    assert (tick.command, tick.reason) == (None, "joint")
    assert "shoulder" in bench.session.sentence


def test_a_joint_that_no_longer_comes_brakes_the_arm(bench: Bench) -> None:
    bench.run()
    for _ in range(12):
        bench.read(("elbow",), [bench.positions["elbow"]])
        tick = bench.tick(sees=False)
    assert (tick.rung, tick.reason) == (Rung.HOLD, "stale")
    assert "shoulder" in bench.session.sentence


def test_a_joint_outside_its_range_is_refused_and_nothing_is_sent(bench: Bench) -> None:
    bench.see(elbow=3.0)
    tick = bench.tick(sees=False)
    assert (tick.command, tick.reason) == (None, "limits")


def test_after_a_short_break_a_new_chunk_is_asked_for(bench: Bench) -> None:
    bench.run()
    bench.tick(20, sees=False)
    tick = bench.tick(2)
    assert tick.rung is Rung.TAIL
    assert tick.wanted_from_ns > 0
    assert_inside_limits(bench.contract, bench.commands())


def test_after_a_long_break_the_arm_holds_until_it_is_started(bench: Bench) -> None:
    bench.run()
    bench.tick(80, sees=False)
    assert bench.tick(5).reason == "stale"
    bench.session.start(bench.now_ns)
    assert bench.tick().rung is Rung.TAIL


@pytest.mark.parametrize(
    ("actions", "names", "reason"),
    [
        (np.zeros((4, 2)), ("elbow", "shoulder"), "chunk_names"),
        (np.zeros((4, 3)), ("shoulder", "elbow"), "chunk_shape"),
        (np.zeros((5, 2)), ("shoulder", "elbow"), "chunk_shape"),
        (np.full((4, 2), np.nan), ("shoulder", "elbow"), "chunk_not_finite"),
    ],
)
def test_a_malformed_chunk_brakes_the_arm_until_it_is_started(
    bench: Bench, actions: FloatArray, names: tuple[str, ...], reason: str
) -> None:
    bench.run()
    bench.tick(4 * bench.contract.ticks_per_action - 8)
    with pytest.raises(ChunkRefused):
        bench.offer(actions, names)
    assert bench.tick().refused == reason
    bench.tick(100)
    assert (bench.ticks[-1].rung, bench.ticks[-1].reason) == (Rung.HOLD, reason)
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


@pytest.mark.parametrize("reason", ["unwanted", "outdated", "stale", "future"])
def test_a_chunk_at_the_wrong_time_changes_no_command(tmp_path: Path, reason: str) -> None:
    disturbed, twin = Bench(two_joints(tmp_path)), Bench(two_joints(tmp_path))
    for bench in (disturbed, twin):
        bench.run()
        if reason != "unwanted":
            bench.tick(4 * bench.contract.ticks_per_action - 8 + (70 if reason == "stale" else 0))
    wanted_ns = disturbed.ticks[-1].wanted_from_ns
    stamps = {
        "unwanted": disturbed.now_ns,
        "outdated": wanted_ns - 1,
        "stale": wanted_ns,
        "future": disturbed.now_ns + 10**9,
    }
    with pytest.raises(ChunkRefused) as caught:
        disturbed.offer(stamp_ns=stamps[reason])
    assert caught.value.reason == reason
    assert disturbed.tick().refused == f"chunk_{reason}"
    twin.tick()
    for bench in (disturbed, twin):
        bench.tick(50)
    np.testing.assert_array_equal(disturbed.commands(), twin.commands())


def test_a_chunk_is_played_once(bench: Bench) -> None:
    bench.run()
    stamp_ns = bench.ticks[0].command.stamp_ns if bench.ticks[0].command else 0
    bench.tick(4 * bench.contract.ticks_per_action - 8)
    with pytest.raises(ChunkRefused, match="older than the request"):
        bench.offer(stamp_ns=stamp_ns)


def test_a_stale_chunk_makes_the_wish_new(bench: Bench) -> None:
    bench.run()
    bench.tick(4 * bench.contract.ticks_per_action - 8 + 70)
    wanted_ns = bench.ticks[-1].wanted_from_ns
    with pytest.raises(ChunkRefused, match="another is asked for"):
        bench.offer(stamp_ns=wanted_ns)
    assert bench.tick().wanted_from_ns > wanted_ns


def test_a_stop_ramps_to_rest_and_lasts_until_the_start(bench: Bench) -> None:
    bench.run()
    bench.session.stop("stopped")
    with pytest.raises(ChunkRefused, match="not asked for"):
        bench.offer()
    bench.tick(100)
    assert (bench.ticks[-1].rung, bench.ticks[-1].reason) == (Rung.HOLD, "stopped")
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


def test_begin_places_the_command_where_the_arm_was_put(bench: Bench) -> None:
    bench.run()
    bench.session.stop("stopped")
    bench.tick(100)
    bench.see(shoulder=-1.0, elbow=1.0)
    command = bench.session.begin(bench.now_ns)
    np.testing.assert_array_equal(command.positions, [-1.0, 1.0])
    assert command.stamp_ns == bench.monitor.newest_ns


def test_after_clear_nothing_is_sent_until_the_pose_is_known_anew(bench: Bench) -> None:
    bench.tick()
    bench.session.clear()
    bench.monitor.clear()
    assert bench.tick(sees=False).command is None


def test_the_youngest_message_about_a_joint_counts(bench: Bench) -> None:
    bench.see()
    late = JointReading(bench.now_ns - 1, ("elbow",), np.array([9.0]), NOTHING, NOTHING)
    bench.monitor.update(late)
    np.testing.assert_array_equal(bench.monitor.reading(bench.now_ns).positions, [0.5, -0.25])


def test_a_chunk_without_a_stamp_is_outdated(bench: Bench) -> None:
    bench.tick()
    bench.session.start(bench.now_ns)
    chunk = ActionChunk(("shoulder", "elbow"), np.zeros((4, 2)), 0)
    with pytest.raises(ChunkRefused) as caught:
        bench.session.offer(chunk, bench.now_ns)
    assert caught.value.reason == "outdated"


def test_a_limiter_that_cannot_plan_silences_the_arm_until_it_begins_anew(tmp_path: Path) -> None:
    """Nothing is sent any more, so nothing is waited for either: a reset must not wait for rest that never comes."""
    bench = Bench(two_joints(tmp_path))
    bench.run()
    bench.gate.limiter._input.max_jerk = [0.0, 0.0]  # no limits of a real joint make Ruckig fail
    assert bench.tick().command is None
    assert bench.ticks[-1].rung is Rung.STOP
    assert bench.session.is_at_rest
    with pytest.raises(NotReadyError, match="call reset first"):
        bench.session.start(bench.now_ns)


def test_a_clock_that_goes_back_stops_the_arm_until_it_is_started(bench: Bench) -> None:
    """A simulator that begins anew has moved the arm by itself: nobody asked for motion from there."""
    bench.run()
    bench.now_ns -= 500_000_000
    bench.tick(100)
    assert bench.session.is_at_rest
    assert bench.ticks[-1].reason == "clock"
    assert not bench.session.wants_chunk
    assert_inside_limits(bench.contract, bench.commands())


def test_after_a_clock_went_back_the_arm_can_begin_anew(bench: Bench) -> None:
    bench.run()
    bench.now_ns -= 500_000_000
    bench.tick(3)
    bench.session.begin(bench.now_ns)
    bench.session.start(bench.now_ns)
    bench.offer()
    assert bench.tick().rung is Rung.CHUNK


def test_a_chunk_from_an_observation_before_a_stop_is_not_played_after_the_next_start(bench: Bench) -> None:
    """Nor is one from the very reading that was the newest at the stop."""
    bench.run()
    bench.see()
    observed_ns = bench.now_ns
    bench.session.stop("stopped")
    assert bench.session.start(bench.now_ns).wanted_from_ns == observed_ns + 1
    with pytest.raises(ChunkRefused) as caught:
        bench.offer(stamp_ns=observed_ns)
    assert caught.value.reason == "outdated"


def test_a_tick_waits_only_for_a_chunk_that_its_own_readings_can_give(bench: Bench) -> None:
    bench.run()
    assert not bench.session.needs_chunk(bench.now_ns)
    bench.tick(4 * bench.contract.ticks_per_action - 8)
    wanted_ns = bench.ticks[-1].wanted_from_ns
    assert not bench.session.needs_chunk(wanted_ns - 1)
    assert bench.session.needs_chunk(bench.now_ns)
    bench.offer()
    assert not bench.session.needs_chunk(bench.now_ns)


def test_a_chunk_whose_actions_would_all_have_begun_is_late_and_another_is_asked_for(tmp_path: Path) -> None:
    bench = Bench(with_chunks(two_joints(tmp_path), Chunking(ChunkMode.NAIVE, 2, 1)))
    bench.tick()
    bench.session.start(bench.now_ns)
    bench.offer()
    bench.tick(2 * bench.contract.ticks_per_action)
    observed_ns = bench.now_ns
    bench.tick(bench.contract.ticks_per_action)
    with pytest.raises(ChunkRefused, match="another is asked for"):
        bench.offer(np.array([[0.1, 0.2]]), stamp_ns=observed_ns)
    tick = bench.tick()
    assert (tick.refused, tick.wanted_from_ns > observed_ns) == ("chunk_late", True)
