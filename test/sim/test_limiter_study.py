"""The study of docs/adr/0003 runs, takes any driver, and tells controllers apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

import control_times
import limiter_study
from robots_under_study import GateRobot, OgbenchRobot

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract

pytestmark = pytest.mark.sim

ROOT = Path(__file__).parents[2]
TASK = "cube-single-task2"
ROUNDING = 1e-6  # of finite differences over 10 ms


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(ROOT / "config/contracts/ur5e_cube.yaml")


@pytest.fixture(scope="module")
def robots(contract: Contract) -> list[Any]:
    return [OgbenchRobot("own", contract, TASK), GateRobot("gate", contract, TASK)]


def test_only_the_gate_keeps_the_arms_limits(robots: list[Any]) -> None:
    own, gate = limiter_study.study([limiter_study.OracleDriver()], robots, [0], 100)
    assert own.rate.success == gate.rate.success == 1.0
    assert own.tick_acceleration > 100.0
    assert gate.tick_acceleration <= 10.0 * (1 + ROUNDING)
    assert gate.tick_speed <= 3.14 * (1 + ROUNDING)
    assert gate.lead_rad < own.lead_rad


def test_only_a_delta_from_the_command_keeps_still(robots: list[Any]) -> None:
    own, gate = limiter_study.study([limiter_study.StillDriver()], robots, [0], 40)
    assert own.drift_m > 0.03
    assert gate.drift_m < 0.01
    assert gate.tick_speed == 0.0


class Wave:
    """A driver that answers with chunks and looks at what a policy sees."""

    name = "wave"

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def reset(self, robot: Any, seed: int) -> None:
        self.seen.clear()

    def act(self, robot: Any) -> np.ndarray:
        self.seen.append(robot.observe().values)
        return np.full((5, 5), 0.2 * (-1) ** len(self.seen))


def test_a_policy_takes_part_with_observations_and_chunks(robots: list[Any], contract: Contract) -> None:
    for robot in robots:
        wave = Wave()
        (row,) = limiter_study.study([wave], [robot], [3], 10)
        assert len(wave.seen) == 2
        assert len(robot.trace) == 10 * contract.ticks_per_action
        assert all(values.shape == (contract.interface.observation_dim,) for values in wave.seen)
        assert row.rate.episodes == 1
        assert limiter_study.line(row).startswith("wave")


def test_both_controllers_show_a_policy_the_same_first_observation(robots: list[Any]) -> None:
    first = []
    for robot in robots:
        robot.reset(5)
        first.append(robot.observe().values)
    np.testing.assert_allclose(first[0], first[1], atol=1e-6)  # float32


def test_the_parts_of_a_tick_are_timed(contract: Contract) -> None:
    times, missed = control_times.time_inverse_kinematics(contract, 20)
    assert missed == 0
    assert 0.0 < times["p50"] <= times["max"]
    begins, between = control_times.time_gate(contract, 20)
    assert between["p50"] < begins["p50"]
