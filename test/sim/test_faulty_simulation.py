"""A simulated robot with faults in it: the arm feels what the script says."""

from __future__ import annotations

import numpy as np
import pytest

import qgf_sim
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
