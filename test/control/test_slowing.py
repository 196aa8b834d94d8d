"""However fast a path is followed, and however that changes, the limits hold; and slower is slower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given, settings
from hypothesis import strategies as st
from limit_checks import assert_inside_limits

from qgf_ros.contract.schema import Contract, JointLimits
from qgf_ros.control.chunk_player import ChunkPlayer
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.limits import LEAST_SHARE, JointLimiter
from qgf_ros.control.path_speed import DOWN_PER_S, STANDING, UP_PER_S, PathSpeed, Wish, caps
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, JointReading, Rung, Verdict
from qgf_ros.errors import ChunkRefused

TICK_S, TICK_NS = 0.01, 10_000_000
NAMES = ("shoulder", "elbow")
MEASURED = dict.fromkeys(NAMES, 0.0)
TICKS_PER_ACTION = 5
ROUNDING = 1e-9
LOWER, UPPER = -1.0, 1.5
PEAKS_SEEN = 1.05  # a peak between two of the three looks at an action


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


# The limiter under velocities that come and go.
@st.composite
def joint_limits(draw: st.DrawFn) -> JointLimits:
    """From slow and soft to fast and hard, with every ratio of the three."""
    exponents = draw(st.tuples(st.floats(-1, 1), st.floats(-0.5, 1.7), st.floats(0.5, 3.8)))
    velocity, acceleration, jerk = (10.0**exponent for exponent in exponents)
    return JointLimits(LOWER, UPPER, velocity, acceleration, jerk)


stretches = st.lists(
    st.tuples(st.floats(-3.0, 3.0), st.none() | st.floats(0.0, 1.0), st.integers(1, 20)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=300)
@given(limits=joint_limits(), start=st.floats(LOWER, UPPER), script=stretches)
def test_no_sequence_of_targets_and_velocity_caps_leads_outside_the_limits(
    limits: JointLimits, start: float, script: list[tuple[float, float | None, int]]
) -> None:
    """The cap is a wish; position, velocity, acceleration and jerk limits of the contract are the law."""
    made = JointLimiter(("one",), {"one": limits}, TICK_S)
    made.reset(np.array([start]))
    motions = [made.state]
    for target, share, ticks in script:
        cap = None if share is None else np.array([share * limits.velocity])
        motions += [made.step(np.array([target]), cap)[0] for _ in range(ticks)]
    positions = np.array([motion.positions[0] for motion in motions])
    velocities = np.array([motion.velocities[0] for motion in motions])
    accelerations = np.array([motion.accelerations[0] for motion in motions])
    assert positions.max() <= UPPER + ROUNDING
    assert positions.min() >= LOWER - ROUNDING
    for values, bound in (
        (velocities, limits.velocity),
        (np.diff(positions) / TICK_S, limits.velocity),
        (accelerations, limits.acceleration),
        (np.diff(velocities) / TICK_S, limits.acceleration),
        (np.diff(accelerations) / TICK_S, limits.jerk),
    ):
        assert np.abs(values).max(initial=0.0) <= bound * (1 + ROUNDING)


@settings(max_examples=200)
@given(start=st.floats(LOWER, UPPER), cap=st.floats(0.05, 0.9), ticks=st.integers(1, 60))
def test_a_joint_that_goes_to_its_limit_leaves_the_caps_in_force(
    start: float, cap: float, ticks: int
) -> None:
    """A plan that ends on the limit is inside, however it is rounded: once it counted as outside, and nothing was slowed."""
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 500.0)
    made = JointLimiter(("one", "two"), dict.fromkeys(("one", "two"), limits), TICK_S)
    made.reset(np.array([start, 0.0]))
    speeds = [np.abs(made.step(np.array([UPPER, 9.0]), np.full(2, cap))[0].velocities) for _ in range(ticks)]
    assert np.max(speeds) <= cap + ROUNDING


@given(limits=joint_limits(), ticks=st.integers(1, 60), share=st.floats(LEAST_SHARE, 1.0))
def test_a_velocity_above_a_new_cap_comes_down_at_full_braking(
    limits: JointLimits, ticks: int, share: float
) -> None:
    """As long as it is above, it is no higher than it would be on the shortest stop."""
    slowed, stopped = (JointLimiter(("one",), {"one": limits}, TICK_S) for _ in range(2))
    for made in (slowed, stopped):
        made.reset(np.array([LOWER]))
        for _ in range(ticks):
            made.step(np.array([UPPER]))
    for _ in range(100):
        velocity = float(slowed.step(np.array([UPPER]), np.array([share * limits.velocity]))[0].velocities[0])
        stopping = float(stopped.brake().velocities[0])
        assert velocity <= max(share * limits.velocity, stopping) + ROUNDING


# The player's place.
def chunk(length: int = 4, stamp_ns: int = 1, speed: float = 1.0) -> ActionChunk:
    actions = np.arange(length)[:, None] * np.array([0.01, 0.02])
    return ActionChunk(NAMES, actions, stamp_ns, speed)


speeds = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=300)


@given(speeds=speeds)
def test_at_any_speeds_every_action_begins_once_in_order_and_has_at_least_its_period(
    contract: Contract, speeds: list[float]
) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk())
    begins = []
    for tick, speed in enumerate(speeds):
        due = player.advance(10 + tick, speed)
        if due is not None:
            begins.append((tick, due.action[0]))
    ticks, actions = [tick for tick, _ in begins], [action for _, action in begins]
    np.testing.assert_array_equal(actions, chunk().actions[: len(actions), 0])
    assert ticks[0] == 0
    assert np.all(np.diff(ticks) >= TICKS_PER_ACTION)


@given(speed=st.floats(0.05, 1.0))
def test_at_a_steady_speed_a_chunk_takes_its_time_over_the_speed(contract: Contract, speed: float) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk())
    ticks = 0
    while not player.is_done:
        player.advance(10 + ticks, speed)
        ticks += 1
    assert 4 * TICKS_PER_ACTION / speed - 1e-6 <= ticks <= 4 * TICKS_PER_ACTION / speed + 1 + 1e-6


def test_at_speed_zero_the_action_in_force_stays_in_force(contract: Contract) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk())
    begun = [player.advance(10 + tick, 0.0) for tick in range(50)]
    assert [due is not None for due in begun] == [True] + [False] * 49
    assert (player.begun, player.actions_left, player.is_done) == (0, 3, False)


@given(speeds=speeds, length=st.integers(2, 4))
def test_a_chunk_taken_over_on_a_slow_path_goes_on_where_the_last_one_was(
    contract: Contract, speeds: list[float], length: int
) -> None:
    """Alignment is by what began, not by time: so a slow path skips nothing and repeats nothing."""
    player = ChunkPlayer(contract)
    player.load(chunk(4, stamp_ns=1))
    began = 0
    for tick, speed in enumerate(speeds):
        began += player.advance(10 + tick, speed) is not None
        if tick == 0:
            player.load(
                chunk(length, stamp_ns=5)
            )  # observed before the first tick: its action 0 is the one in force
        if player.chunk_stamp_ns == 5:
            assert player.begun == 1
            return
    assert began == 1


@pytest.mark.parametrize("speed", [0.0, -1.0, 1.1, float("nan"), float("inf")])
def test_a_chunk_that_asks_for_an_impossible_speed_is_refused(contract: Contract, speed: float) -> None:
    with pytest.raises(ChunkRefused, match="above 0 and up to 1") as caught:
        ChunkPlayer(contract).load(chunk(speed=speed))
    assert caught.value.reason == "bad_speed"


# The speed of the path.
wishes = st.lists(
    st.lists(st.builds(Wish, st.just("scale"), st.floats(0.0, 1.0)), max_size=3), min_size=1, max_size=60
)


@given(wishes=wishes)
def test_the_speed_goes_to_the_least_wish_and_never_jumps(wishes: list[list[Wish]]) -> None:
    made, last = PathSpeed(TICK_S), None
    for asked in wishes:
        speed, found = made.next(asked)
        wanted = min([wish.speed for wish in asked], default=1.0)
        assert len(found) == sum(wish.speed < 1.0 for wish in asked)
        assert 0.0 <= speed <= 1.0
        if last is not None:
            assert -DOWN_PER_S * TICK_S - ROUNDING <= speed - last <= UP_PER_S * TICK_S + ROUNDING
            assert abs(speed - wanted) <= abs(last - wanted) + STANDING
        last = speed


def test_full_speed_is_exactly_one_and_no_number_is_a_stand() -> None:
    made = PathSpeed(TICK_S)
    assert made.next([Wish("scale", 0.3)])[0] == 0.3
    assert [made.next([])[0] for _ in range(200)][-1] == 1.0
    assert [made.next([Wish("scale", float("nan")), Wish("chunk_speed", 0.5)])[0] for _ in range(200)][
        -1
    ] == 0.0


def test_a_gripper_is_never_slowed_and_full_speed_has_no_caps() -> None:
    peaks, limits, arm = np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.array([True, False])
    assert caps(1.0, peaks, limits, arm) is None
    np.testing.assert_array_equal(caps(0.5, peaks, limits, arm), [0.5, 2.0])


# The gate.
def ready(contract: Contract) -> CommandGate:
    gate = CommandGate(contract, None)
    gate.reset(JointReading(0, NAMES, np.zeros(2), np.zeros(2), np.zeros(0)))
    gate.start()
    return gate


def rows(commands: list[JointCommand]) -> FloatArray:
    return np.array([[one.positions, one.velocities, one.accelerations] for one in commands])


@given(
    scales=st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(1, 30)), min_size=1, max_size=12),
    seed=st.integers(0, 10_000),
    stop=st.integers(0, 200),
)
def test_no_scales_chunks_and_stops_lead_outside_the_limits(
    contract: Contract, scales: list[tuple[float, int]], seed: int, stop: int
) -> None:
    gate, rng = ready(contract), np.random.default_rng(seed)
    commands = [gate.last_command(0)]
    for scale, ticks in scales:
        for _ in range(ticks):
            now_ns = len(commands) * TICK_NS
            if len(commands) == stop:
                gate.hold("test")
            if gate.wants_chunk:
                wild = rng.uniform(-3.0, 3.0, (4, 2)) * np.array([0.1, 0.2])
                gate.load(ActionChunk(NAMES, wild, now_ns, float(rng.uniform(0.1, 1.0))))
            commands.append(gate.tick(now_ns, MEASURED, scale))
    assert_inside_limits(contract, rows(commands))


def play(gate: CommandGate, ticks: int, scale: float = 1.0, speed: float = 1.0) -> list[JointCommand]:
    """A chunk of four equal actions that come nowhere near a velocity limit."""
    gate.load(ActionChunk(NAMES, np.tile([0.02, 0.02], (4, 1)), 1, speed))
    return [gate.tick((tick + 1) * TICK_NS, MEASURED, scale) for tick in range(ticks)]


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_on_a_slower_path_the_arm_goes_slower_about_the_same_way(contract: Contract, share: float) -> None:
    full = rows(play(ready(contract), 20))
    by_scale = rows(play(ready(contract), int(20 / share), scale=share))
    by_chunk = rows(play(ready(contract), int(20 / share), speed=share))
    np.testing.assert_array_equal(by_scale, by_chunk)
    assert np.abs(by_scale[:, 1]).max() <= share * np.abs(full[:, 1]).max() * PEAKS_SEEN
    end, slow_end = full[-1, 0], by_scale[-1, 0]
    np.testing.assert_allclose(slow_end, end, rtol=0.35)  # it is up to speed in less of its way


def test_a_slowed_command_says_how_much_and_why(contract: Contract) -> None:
    commands = play(ready(contract), 10, scale=0.5)
    assert {command.speed for command in commands} == {0.5}
    assert {str(finding) for command in commands for finding in command.findings} == {"slow:scale"}
    assert {command.rung for command in commands} == {Rung.CHUNK}


def test_at_scale_zero_the_arm_comes_to_rest_and_goes_on_afterwards(contract: Contract) -> None:
    gate = ready(contract)
    play(gate, 8)
    still = [gate.tick((9 + tick) * TICK_NS, MEASURED, 0.0) for tick in range(100)]
    assert np.abs(still[-1].velocities).max() < 1e-9
    on = [gate.tick((200 + tick) * TICK_NS, MEASURED) for tick in range(200)]
    assert on[-1].positions[0] > still[-1].positions[0] + 0.01
    assert_inside_limits(contract, rows([*still, *on]))


def test_what_would_pass_a_velocity_limit_is_slowed_down_before_it_is_clamped(tmp_path: Path) -> None:
    """Bent joint by joint, the elbow would lag behind the shoulder."""
    gate = ready(
        two_joints(tmp_path, lambda content: content["deployment"]["limits"]["elbow"].update(velocity=0.4))
    )
    gate.load(ActionChunk(NAMES, np.tile([0.1, 0.25], (4, 1)), 1))
    commands = [gate.tick((tick + 1) * TICK_NS, MEASURED) for tick in range(60)]
    slow = {str(finding) for one in commands for finding in one.findings if finding.verdict is Verdict.SLOW}
    assert slow == {"slow:velocity:elbow"}
    assert 0.0 < min(one.speed for one in commands) < 1.0
