"""A scripted person with a space mouse does the task through the gate, in one process: no ROS, no clock, and nothing unverified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")
import qgf_sim
from qgf_ros.contract.load import load_contract
from qgf_ros.control.session import SessionConfig
from qgf_ros.datatypes import Rung, Sender
from qgf_ros.evaluate.person_source import PersonSource
from qgf_ros.evaluate.session_loop import SessionLoop
from qgf_sim.hand import GAIN, Hand, hand_for

pytestmark = pytest.mark.sim
CONTRACT = load_contract(Path(__file__).parents[2] / "config" / "contracts" / "ur5e_cube.yaml")
LONGEST_TICKS = 3000


class Aim:
    """A mind that wants to move by a centimetre a period along x from where it stands, and turn by half a turn less a little."""

    done = False

    def __init__(self) -> None:
        self.at = 0.0
        self.yaw = np.pi - 0.1

    def reset(self) -> None:
        """Nothing to plan."""

    def renew(self) -> None:
        """Nothing else to want."""

    def wish(self) -> dict[str, float]:
        """A centimetre on."""
        self.at += 0.01
        return {"x": self.at, "y": 0.0, "z": 0.0, "yaw": -self.yaw, "finger_joint": 0.7}

    def here(self) -> dict[str, float]:
        """At the beginning."""
        return {"x": 0.0, "y": 0.0, "z": 0.0, "yaw": self.yaw, "finger_joint": 0.0}


def test_a_hand_moves_along_its_way_and_gently_towards_it_and_turns_the_short_way() -> None:
    hand = Hand(Aim(), 0.05)
    hand.begin()
    first, closes = hand.move()
    second, _ = hand.move()
    assert closes
    assert first["x"] == pytest.approx(GAIN * 0.01 / 0.05)
    assert second["x"] == pytest.approx((GAIN * 0.02 + 0.01) / 0.05)
    assert first["yaw"] == pytest.approx(GAIN * 0.2 / 0.05)


def test_a_task_that_moves_joints_has_no_hand_on_a_space_mouse() -> None:
    with pytest.raises(ValueError, match="'jaco-reach' moves joints"):
        hand_for(qgf_sim.load("jaco-reach"), 1.0, 0.1)


def test_a_scripted_person_brings_the_cube_to_its_goal_and_every_command_is_verified() -> None:
    simulation = qgf_sim.load("cube-single-task2")
    source = PersonSource(CONTRACT, hand_for(simulation, slowness=2.0, noise=0.1), "finger_joint")
    config = SessionConfig(full_speed_confirmed=True, in_command=Sender.TELEOP)
    loop = SessionLoop(CONTRACT, simulation, source, config=config)
    loop.reset(3)
    while loop.start():  # until the joint states have been believed
        loop.tick()
    rungs, senders, wrong = [], set(), []
    for _ in range(LONGEST_TICKS):
        served = loop.tick()
        rungs.append(served.tick.rung)
        wrong += [*served.broken, *served.unverified, *served.failures]
        if served.tick.command is not None and served.tick.command.chunk_stamp_ns:
            senders.add(served.tick.command.source)
        if simulation.success():
            break
    assert simulation.success()
    assert wrong == []
    assert senders == {"teleop"}
    assert rungs.count(Rung.CHUNK) > 0.9 * len(rungs)
