"""Promises that every simulated task keeps: add a task to the registry and it is tested at once."""

from __future__ import annotations

import pytest

qgf_sim = pytest.importorskip(
    "qgf_sim", reason="needs qgf_sim: pip install 'qgf_ros[sim]', or in a clone put sim on the path"
)
pytest.importorskip("dm_control", reason="needs dm_control: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

import numpy as np  # noqa: E402

from qgf_sim import JointState, Simulation  # noqa: E402

pytestmark = pytest.mark.sim

TICK_NS = 10_000_000
SETTLED_RAD = 0.02  # gravity and friction against position servos without an integral term
PUSH_RAD = 0.05
SETTLE_TICKS = 60


@pytest.fixture(scope="module", params=qgf_sim.available())
def simulation(request: pytest.FixtureRequest) -> Simulation:
    loaded = qgf_sim.load(request.param)
    loaded.reset(0)
    return loaded


def test_has_the_name_it_was_loaded_by(simulation: Simulation) -> None:
    assert simulation.task in qgf_sim.available()


def test_names_every_joint_once(simulation: Simulation) -> None:
    assert len(set(simulation.joints)) == len(simulation.joints) > 0
    assert simulation.joint_state().names == simulation.joints


def test_a_joint_state_has_one_finite_value_of_each_kind_for_every_joint(simulation: Simulation) -> None:
    _assert_complete(simulation.joint_state())


def test_a_scene_state_has_one_finite_value_of_each_kind_for_every_name(simulation: Simulation) -> None:
    state = simulation.scene_state()
    assert state is None or not set(state.names) & set(simulation.joints)
    if state is not None:
        _assert_complete(state)


def test_poses_are_finite_in_a_named_frame_with_unit_quaternions(simulation: Simulation) -> None:
    for pose in simulation.poses().values():
        assert pose.frame
        assert pose.position.shape == (3,)
        assert np.isfinite(pose.position).all()
        assert np.linalg.norm(pose.quat_wxyz) == pytest.approx(1.0, abs=1e-6)  # single-precision models


def test_publishes_something_to_act_on(simulation: Simulation) -> None:
    assert simulation.poses() or simulation.scene_state() is not None


def test_equal_seeds_and_commands_give_equal_episodes_bit_by_bit(simulation: Simulation) -> None:
    assert np.array_equal(_episode(simulation, seed=7), _episode(simulation, seed=7))


def test_an_episode_does_not_depend_on_the_one_before(simulation: Simulation) -> None:
    first = _episode(simulation, seed=7)
    _episode(simulation, seed=8)
    assert np.array_equal(_episode(simulation, seed=7), first)


def test_another_seed_gives_another_start(simulation: Simulation) -> None:
    simulation.reset(7)
    one = simulation.joint_state().positions
    simulation.reset(8)
    assert not np.array_equal(simulation.joint_state().positions, one)


def test_an_episode_starts_at_rest_at_time_zero(simulation: Simulation) -> None:
    simulation.reset(3)
    assert simulation.time_ns == 0
    assert not simulation.joint_state().velocities.any()


def test_time_advances_by_exactly_what_was_asked(simulation: Simulation) -> None:
    simulation.reset(0)
    for tick in range(1, 21):
        simulation.step(_held(simulation), TICK_NS)
        assert simulation.time_ns == tick * TICK_NS


def test_a_control_period_is_a_whole_number_of_ticks(simulation: Simulation) -> None:
    assert round(simulation.control_period_s * 1e9) % TICK_NS == 0
    assert simulation.max_steps > 0


def test_joints_stay_at_their_set_points(simulation: Simulation) -> None:
    simulation.reset(1)
    targets = _held(simulation)
    for _ in range(SETTLE_TICKS):
        simulation.step(targets, TICK_NS)
    assert _positions(simulation) == pytest.approx(targets, abs=SETTLED_RAD)


def test_joints_move_to_new_set_points(simulation: Simulation) -> None:
    simulation.reset(1)
    wrist = simulation.joints[5]  # free to turn in every start pose
    targets = _held(simulation)
    targets[wrist] += PUSH_RAD
    for _ in range(SETTLE_TICKS):
        simulation.step(targets, TICK_NS)
    assert _positions(simulation)[wrist] == pytest.approx(targets[wrist], abs=PUSH_RAD / 5)


def test_what_was_handed_out_does_not_change_later(simulation: Simulation) -> None:
    simulation.reset(1)
    handed = _everything(simulation)
    copies = [array.copy() for array in handed]
    targets = _held(simulation)
    targets[simulation.joints[5]] += PUSH_RAD
    for _ in range(SETTLE_TICKS):
        simulation.step(targets, TICK_NS)
    assert all(np.array_equal(array, copy) for array, copy in zip(handed, copies, strict=True))


def test_writing_into_what_was_handed_out_moves_nothing(simulation: Simulation) -> None:
    simulation.reset(1)
    before = [array.copy() for array in _everything(simulation)]
    for array in _everything(simulation):
        array[:] = 99.0
    after = _everything(simulation)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_goal_can_be_moved_success_follows_it_and_a_reset_brings_it_back(simulation: Simulation) -> None:
    simulation.reset(0)
    own = simulation.goal()
    if own is None:
        with pytest.raises(ValueError, match="no single goal"):
            simulation.set_goal(np.zeros(3))
        return
    object_of_it = "cube" if "cube" in simulation.poses() else "target"
    for place in (simulation.poses()[object_of_it].position, own.position + np.array([0.0, 0.3, 0.0])):
        simulation.set_goal(place)
        moved = simulation.goal()
        assert moved is not None
        np.testing.assert_allclose(moved.position, place, atol=1e-12)
        if simulation.task.startswith("cube-single"):  # elsewhere other things must be in place too
            away = np.linalg.norm(simulation.poses()["cube"].position - place)
            assert simulation.success() == bool(away < 0.04)
    simulation.reset(0)
    back = simulation.goal()
    assert back is not None
    np.testing.assert_array_equal(back.position, own.position)


def test_reward_is_finite_and_success_is_a_bool(simulation: Simulation) -> None:
    simulation.reset(0)
    assert np.isfinite(simulation.reward())
    assert isinstance(simulation.success(), bool)


def test_an_unknown_task_is_refused_with_the_list_of_tasks() -> None:
    with pytest.raises(ValueError, match="There is no task 'juggling': available are cube-single-task1, "):
        qgf_sim.load("juggling")


def test_asking_which_tasks_exist_loads_none_of_them() -> None:
    assert len(qgf_sim.available()) == len(set(qgf_sim.available())) > 0


def _held(simulation: Simulation) -> dict[str, float]:
    return _positions(simulation)


def _positions(simulation: Simulation) -> dict[str, float]:
    state = simulation.joint_state()
    return dict(zip(state.names, state.positions.tolist(), strict=True))


def _everything(simulation: Simulation) -> list[np.ndarray]:
    joints = simulation.joint_state()
    arrays = [joints.positions, joints.velocities, joints.efforts, *simulation.state()]
    for pose in simulation.poses().values():
        arrays += [pose.position, pose.quat_wxyz]
    scene = simulation.scene_state()
    return arrays if scene is None else [*arrays, scene.positions, scene.velocities, scene.efforts]


def _episode(simulation: Simulation, seed: int) -> np.ndarray:
    """What an episode of twenty ticks with a moving set-point shows, in one row a tick."""
    simulation.reset(seed)
    targets, rows = _held(simulation), []
    for tick in range(20):
        targets[simulation.joints[tick % 6]] += 0.01
        simulation.step(targets, TICK_NS)
        rows.append(np.concatenate([array.ravel() for array in _everything(simulation)]))
    return np.stack(rows)


def _assert_complete(state: JointState) -> None:
    for values in (state.positions, state.velocities, state.efforts):
        assert values.shape == (len(state.names),)
        assert values.dtype == np.float64
        assert np.isfinite(values).all()
