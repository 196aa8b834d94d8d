"""What is about to be played is rolled forward as it will be played, and again where it may be followed at another speed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from arm_poses import CENTRE, pose
from contract_files import SHIPPED, two_joints
from hypothesis import given, settings
from hypothesis import strategies as st
from session_bench import Bench

from qgf_ros.contract.load import load_contract, with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract, ToolLimits
from qgf_ros.control.foresight import MATERIAL
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import ActionChunk, Finding, FloatArray, JointReading, Rung, Verdict
from qgf_ros.errors import ChunkRefused

TICK_NS = 10_000_000
TICKS = 5  # an action's, at full speed
CLOSE = 1e-3  # m: between the foreseen and the driven tool; shapes are drawn a centimetre larger
BOX = ((0.36, -0.06, 0.14), (0.48, 0.06, 0.26))  # six centimetres around CENTRE
NAMES = ("x", "y", "z", "yaw", "finger_joint")


class Watch:
    """A look-ahead that keeps what it is shown, and finds what it is told to find."""

    def __init__(self) -> None:
        self.finding: Finding | None = None
        self.paths: list[FloatArray] = []
        self.start: FloatArray = np.zeros(0)

    def check(self, path: FloatArray, start: FloatArray) -> Finding | None:
        """What it was told to find."""
        self.paths.append(path)
        self.start = start
        return self.finding


@pytest.fixture(scope="module")
def arm() -> Contract:
    found = load_contract(SHIPPED)
    return dataclasses.replace(found, deployment=dataclasses.replace(found.deployment, scene=None))


@pytest.fixture(scope="module")
def boxed(arm: Contract) -> Contract:
    return dataclasses.replace(arm, deployment=dataclasses.replace(arm.deployment, tool=ToolLimits(1.0, BOX)))


@pytest.fixture(scope="module")
def kinematics(arm: Contract) -> Kinematics:
    return Kinematics(arm)


def ready(
    contract: Contract, kinematics: Kinematics, watch: Watch | None = None, at: dict[str, float] = CENTRE
) -> CommandGate:
    gate, names = CommandGate(contract, kinematics, watch), contract.interface.joints
    here = at | {"finger_joint": 0.2}
    gate.reset(JointReading(0, names, np.array([here[name] for name in names]), np.zeros(7), np.zeros(0)))
    gate.start()
    return gate


def load(gate: CommandGate, values: FloatArray, speed: float = 1.0) -> None:
    """A chunk of values (H, A) in [-1, 1]."""
    stamp_ns = gate.last_command(0).tick * TICK_NS + 1
    gate.load(ActionChunk(NAMES, gate.action_space.physical(values), stamp_ns, speed=speed))


def play(gate: CommandGate, ticks: int, scale: float = 1.0) -> FloatArray:
    """Positions (T, J) of so many ticks."""
    found = []
    for _ in range(ticks):
        stamp_ns = (gate.last_command(0).tick + 1) * TICK_NS
        command = gate.tick(stamp_ns, dict.fromkeys(gate.limits.joints, 0.0), scale)
        assert command.rung is not Rung.HOLD
        found.append(command.positions)
    return np.array(found)


def play_out(gate: CommandGate, scale: float = 1.0) -> FloatArray:
    """Positions (T, J) until the arm rests after its last action."""
    found = [play(gate, 1, scale)]
    while not (gate.player.is_done and gate.is_at_rest):
        found.append(play(gate, 1, scale))
    return np.concatenate(found)


def tools(kinematics: Kinematics, positions: FloatArray) -> FloatArray:
    """Where the tool is at positions (T, J): (T, 3) m."""
    named = [dict(zip(kinematics.joints, row[:6].tolist(), strict=True)) for row in positions]
    return np.array([kinematics.tool(row)[0] for row in named])


def off(kinematics: Kinematics, foreseen: FloatArray, driven: FloatArray) -> float:
    """The largest distance (m) of a foreseen place of the tool from the way that it was driven."""
    places, way = tools(kinematics, foreseen), tools(kinematics, driven)
    return float(np.linalg.norm(places[:, None] - way[None], axis=2).min(axis=1).max())


CHUNKS = st.lists(st.tuples(*[st.floats(-0.7, 0.7)] * 5), min_size=5, max_size=5)


@settings(max_examples=10, deadline=None)
@given(values=CHUNKS, speed=st.sampled_from([(0.25, 1.0), (1.0, 0.5), (0.1, 0.6), (1.0, 1.0)]))
def test_the_path_foreseen_is_the_one_driven_at_the_speed_in_force(
    arm: Contract, kinematics: Kinematics, values: list[tuple[float, ...]], speed: tuple[float, float]
) -> None:
    scale, of_chunk = speed
    watch = Watch()
    gate = ready(arm, kinematics, watch)
    play(gate, 1, scale)
    load(gate, np.array(values), of_chunk)
    driven = play_out(gate, scale)
    assert off(kinematics, watch.paths[-1], driven) < CLOSE


@settings(max_examples=10, deadline=None)
@given(first=CHUNKS, second=CHUNKS, scale=st.sampled_from([0.25, 0.6]))
def test_a_chunk_that_waits_is_foreseen_behind_what_is_committed(
    arm: Contract,
    kinematics: Kinematics,
    first: list[tuple[float, ...]],
    second: list[tuple[float, ...]],
    scale: float,
) -> None:
    watch = Watch()
    contract = with_chunks(arm, Chunking(ChunkMode.REAL_TIME, 2, 1))
    gate = ready(contract, kinematics, watch)
    play(gate, 1, scale)
    load(gate, np.array(first))
    while not gate.wants_chunk:
        play(gate, 1, scale)
    load(gate, np.array(second))
    assert off(kinematics, watch.paths[-1], play_out(gate, scale)) < CLOSE


def test_at_another_speed_the_same_actions_lead_a_centimetre_elsewhere(
    arm: Contract, kinematics: Kinematics
) -> None:
    """Why the check of a chunk at full speed says little about a first run."""
    values = np.tile([0.7, 0.7, 0.0, 0.0, 0.0], (5, 1))
    found = []
    for scale in (1.0, 0.25):
        watch = Watch()
        gate = ready(arm, kinematics, watch)
        play(gate, 1, scale)
        load(gate, values)
        found.append(tools(kinematics, watch.paths[-1])[-1])
    assert np.linalg.norm(found[1] - found[0]) > 0.015


# -- another speed while a chunk is in play ------------------------------------------------------------------------------


def test_what_is_left_is_looked_at_once_more_at_another_speed(arm: Contract, kinematics: Kinematics) -> None:
    watch = Watch()
    gate = ready(arm, kinematics, watch)
    load(gate, np.tile([0.5, -0.5, 0.2, 0.0, 0.0], (5, 1)))
    play(gate, 7)
    assert gate.look_again(1.0 - MATERIAL / 2) is None
    assert len(watch.paths) == 1
    assert gate.look_again(0.25) is None
    assert len(watch.paths) == 2
    np.testing.assert_array_equal(watch.start, gate.limiter.state.positions)
    driven = play_out(gate, 0.25)
    assert off(kinematics, watch.paths[-1], driven) < CLOSE
    assert gate.look_again(0.25) is None
    assert len(watch.paths) == 2


def test_a_chunk_that_waits_is_looked_at_with_what_is_left(arm: Contract, kinematics: Kinematics) -> None:
    watch = Watch()
    contract = with_chunks(arm, Chunking(ChunkMode.REAL_TIME, 2, 1))
    gate = ready(contract, kinematics, watch)
    load(gate, np.tile([0.5, -0.5, 0.2, 0.0, 0.0], (5, 1)))
    play(gate, 2 * TICKS)
    load(gate, np.tile([0.5, 0.5, 0.2, 0.0, 0.0], (5, 1)))
    play(gate, 2)
    gate.look_again(0.4)
    assert off(kinematics, watch.paths[-1], play_out(gate, 0.4)) < CLOSE


def test_what_touches_at_the_speed_that_is_allowed_now_holds_the_arm_until_it_rests(tmp_path: Path) -> None:
    watch = Watch()
    bench = Bench(two_joints(tmp_path), look_ahead=watch)
    bench.contract = bench.gate._contract
    bench.run()
    assert len(watch.paths) == 1
    watch.finding = Finding(Verdict.HOLD, "collision", "elbow~table")
    bench.session._speed.is_confirmed = False  # the first run's quarter
    tick = bench.tick()
    assert (tick.rung, tick.reason) == (Rung.HOLD, "collision")
    assert "elbow~table" in bench.session.sentence
    while not bench.session.is_at_rest:
        assert bench.ticks[-1].reason == "collision"
        bench.tick()
    tick = bench.tick()
    assert (tick.rung, tick.wanted_from_ns > 0) == (Rung.TAIL, True)
    assert len(watch.paths) == 2


# -- the tool's box ------------------------------------------------------------------------------------------------------


def refused(gate: CommandGate, values: FloatArray) -> ChunkRefused:
    with pytest.raises(ChunkRefused) as caught:
        load(gate, values)
    return caught.value


def test_a_chunk_that_would_rest_with_the_tool_outside_its_box_is_refused_and_says_where(
    boxed: Contract, kinematics: Kinematics
) -> None:
    gate = ready(boxed, kinematics)
    error = refused(gate, np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (5, 1)))
    assert error.reason == "workspace"
    assert "outside its box (y 0." in str(error)
    assert "-0.06 to 0.06 are allowed" in str(error)
    assert gate.wants_chunk


@pytest.mark.parametrize("reach", [0.9, 1.1])
def test_the_edge_of_the_box_decides(boxed: Contract, kinematics: Kinematics, reach: float) -> None:
    gate = ready(boxed, kinematics, at=pose(kinematics, np.array([0.42, 0.02, 0.2])))
    still, edge = np.zeros(5), np.array([0.0, reach * 0.04 / 0.05, 0.0, 0.0, 0.0])
    values = np.array([still, still, still, still, edge])
    if reach > 1.0:
        assert refused(gate, values).reason == "workspace"
        return
    load(gate, values)
    assert abs(tools(kinematics, play(gate, 100))[-1, 1]) <= 0.06


def test_a_chunk_that_leaves_the_box_only_on_its_way_is_played_and_kept_in_by_the_guard(
    boxed: Contract, kinematics: Kinematics
) -> None:
    gate = ready(boxed, kinematics)
    out, back = [0.0, 1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0, 0.0]
    load(gate, np.array([out, out, out, back, back]))
    ways = tools(kinematics, play(gate, 100))
    assert ways[:, 1].max() <= 0.06 + 1e-8


def test_from_outside_the_box_a_chunk_may_lead_in_and_none_further_out(
    boxed: Contract, kinematics: Kinematics
) -> None:
    gate = ready(boxed, kinematics, at=pose(kinematics, np.array([0.42, 0.1, 0.2])))
    assert refused(gate, np.tile([0.0, 0.2, 0.0, 0.0, 0.0], (5, 1))).reason == "workspace"
    load(gate, np.tile([0.0, -0.2, 0.0, 0.0, 0.0], (5, 1)))


def test_a_single_action_is_kept_in_by_the_guard_since_the_next_one_comes_a_period_later(
    boxed: Contract, kinematics: Kinematics
) -> None:
    gate = ready(boxed, kinematics, at=pose(kinematics, np.array([0.42, 0.05, 0.2])))
    load(gate, np.array([[0.0, 1.0, 0.0, 0.0, 0.0]]))
    assert tools(kinematics, play(gate, 60))[:, 1].max() <= 0.06 + 1e-8
