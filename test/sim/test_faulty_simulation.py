"""A simulated robot with faults in it: the arm feels what the script says."""

from __future__ import annotations

import numpy as np
import pytest
from contract_files import SHIPPED

import qgf_sim
from qgf_ros.contract.load import load_contract
from qgf_ros.datatypes import PoseReading
from qgf_ros.evaluate.sensor_feed import SensorFeed
from qgf_sim.fault_line import FaultLine, read_fault
from qgf_sim.plant_faults import FaultySimulation

pytestmark = pytest.mark.sim
TICK_NS = 10_000_000


def after(task: str, entry: dict[str, object] | None, move: float = 0.0) -> qgf_sim.JointState:
    """The joints a second after the reset, every joint told to go `move` rad."""
    line = FaultLine([read_fault(entry)] if entry is not None else [])
    simulation = FaultySimulation(qgf_sim.load(task), line)
    simulation.reset(1)
    state = simulation.joint_state()
    targets = dict(zip(state.names, state.positions.tolist(), strict=True))
    for tick in range(100):
        line.advance(simulation.time_ns)
        gone = move * min(tick / 50, 1.0)
        simulation.step({joint: place + gone for joint, place in targets.items()}, TICK_NS)
    return simulation.joint_state()


@pytest.mark.parametrize("task", ["cube-single-task1", "jaco-reach"])
def test_a_payload_makes_the_arm_sag_more_and_a_stuck_joint_stays(task: str) -> None:
    plain, heavy = after(task, None), after(task, {"fault": "payload", "kg": 3.0})
    sag = np.abs(heavy.positions - plain.positions).max()
    assert 5e-4 < sag < 0.1  # rad: felt, and not fallen down
    moved, stuck = after(task, None, 0.2), after(task, {"fault": "joint_stuck"}, 0.2)
    gone = moved.positions - stuck.positions
    assert gone[0] == pytest.approx(0.2, abs=0.03)
    assert np.abs(gone[1:6]).max() < 0.03


def test_the_payload_is_gone_when_the_fault_ends() -> None:
    ended = after("jaco-reach", {"fault": "payload", "kg": 3.0, "for_s": 0.1})
    np.testing.assert_allclose(
        ended.positions, after("jaco-reach", None).positions, atol=1e-3
    )  # it creeps back; with the payload it sags twice as far


def test_a_payload_of_ones_own_stays_while_a_fault_adds_to_it() -> None:
    line = FaultLine([read_fault({"fault": "payload", "kg": 3.0, "for_s": 0.02})])
    inner = qgf_sim.load("jaco-reach")
    simulation = FaultySimulation(inner, line)
    masses = []
    for kg in (0.0, 2.0):
        simulation.set_payload(kg)
        simulation.reset(1)
        for at_ns in (0, 2 * TICK_NS):
            line.advance(at_ns)
            simulation.step({}, TICK_NS)
            masses.append(float(inner.model.body_mass.sum()))
    empty = masses[1]
    np.testing.assert_allclose(np.array(masses) - empty, [3.0, 0.0, 5.0, 2.0], atol=1e-9)


def test_what_a_fault_of_every_topic_lets_out_late_comes_under_its_own_name() -> None:
    """A delay gives what is due when any message comes: a pose may leave as the joints are sensed."""
    simulation = qgf_sim.load("cube-single-task1")
    simulation.reset(1)
    feed, line = (
        SensorFeed(load_contract(SHIPPED), simulation),
        FaultLine([read_fault({"fault": "delay", "topic": "*", "seconds": 0.02})]),
    )
    came = []
    for tick in range(6):
        line.advance(tick * TICK_NS)
        came += feed.readings(line, tick * TICK_NS)
    names = [name for name, _ in came]
    assert names.count("cube") == names.count("joint_states") == 4
    assert all(isinstance(reading, PoseReading) == (name == "cube") for name, reading in came)
