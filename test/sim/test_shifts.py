"""The study of shifts: each shift is what its name says, and the rest of the simulation is untouched."""

from __future__ import annotations

import numpy as np
import pytest
from shifts import NOMINAL, ROWS, SHIFTS, SIDE, Shift, ShiftedSimulation, cells

from qgf_ros.evaluate.robot import load_simulation

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def simulation() -> ShiftedSimulation:
    return ShiftedSimulation(load_simulation("cube-single-task2"))


def begun(simulation: ShiftedSimulation, shift: Shift, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Measured joints and the cube's position as it is seen at the begin of an episode."""
    simulation.shift = shift
    simulation.reset(seed)
    return simulation.joint_state().positions, simulation.poses()["cube"].position


def test_a_joints_bias_is_measured_on_that_joint_alone(simulation: ShiftedSimulation) -> None:
    usual, _ = begun(simulation, SHIFTS[NOMINAL])
    biased, _ = begun(simulation, SHIFTS["joint: elbow +0.05 rad"])
    expected = np.where(np.array(simulation.joints) == "elbow_joint", 0.05, 0.0)
    np.testing.assert_allclose(biased - usual, expected, atol=1e-12)


def test_a_cameras_bias_moves_what_is_seen_and_not_the_cube(simulation: ShiftedSimulation) -> None:
    _, usual = begun(simulation, SHIFTS[NOMINAL])
    _, biased = begun(simulation, SHIFTS["camera: 3 cm up"])
    np.testing.assert_allclose(biased - usual, [0.0, 0.0, 0.03], atol=1e-12)
    assert simulation.scene.data.joint("object_joint_0").qpos[2] == pytest.approx(usual[2])


@pytest.mark.parametrize("seed", range(4))
def test_a_cube_aside_lies_outside_of_where_it_lay_in_the_data(
    simulation: ShiftedSimulation, seed: int
) -> None:
    _, seen = begun(simulation, SHIFTS["place: 38 to 42 cm aside"], seed)
    assert SIDE[0][0] <= seen[0] <= SIDE[0][1]
    assert SIDE[1][0] <= abs(seen[1]) <= SIDE[1][1]


def test_a_payload_is_taken_off_again_for_an_episode_without(simulation: ShiftedSimulation) -> None:
    def mass() -> float:
        return float(simulation.scene.model.body_mass.sum())

    begun(simulation, SHIFTS[NOMINAL])
    usual = mass()
    begun(simulation, SHIFTS["payload: 5 kg"])
    assert mass() == pytest.approx(usual + 5.0)
    begun(simulation, SHIFTS[NOMINAL])
    assert mass() == pytest.approx(usual)


def test_every_shift_has_every_row() -> None:
    assert sorted(cells("")) == sorted(f"{shift}/{row}" for shift in SHIFTS for row in ROWS)
