"""A scripted person in the loop of one process: the simulator's hand, through the teleoperation node's own code, on virtual time."""

from __future__ import annotations

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import ActionChunk, JointReading, Sender
from qgf_ros.evaluate.sources import Wish, demand_of
from qgf_ros.teleop.operator import Teleoperator
from qgf_ros.teleop.steer import Press
from qgf_ros.teleop.twist import Twist
from qgf_sim.hand import Hand

MAX_AGE_S = 0.25


class PersonSource:
    """A `ChunkSource`. State: the hand, the operator, and the chunk that is on its way. One thread."""

    def __init__(self, contract: Contract, hand: Hand, gripper: str) -> None:
        """Raises InvalidSetting where the contract's actions move no tool, or the gripper is none of them."""
        self._contract, self._hand, self._gripper = contract, hand, gripper
        self._twist = Twist(contract)
        inputs = contract.interface.inputs
        self._joints = next(entry.name for entry in inputs if entry.message is Message.JOINT_STATE)
        self._command = next(entry.name for entry in inputs if entry.message is Message.COMMAND)
        self._ticks_per_move = contract.ticks_per_action
        self.reset(0)

    def reset(self, seed: int) -> None:
        """A new episode: the person waits until the arm may move, and then begins."""
        self._operator = Teleoperator(self._contract, self._gripper, MAX_AGE_S)
        self._ticks, self._has_begun = 0, False
        self._coming: ActionChunk | None = None

    def arriving(self, wish: Wish) -> list[ActionChunk]:
        """The chunk that was sent a tick ago; another is on its way where one is asked for."""
        came, self._coming = self._coming, None
        measured, commanded = wish.readings.get(self._joints), wish.readings.get(self._command)
        if (
            wish.tick is None
            or not isinstance(measured, JointReading)
            or not isinstance(commanded, JointReading)
        ):
            return []
        demand, now_s = demand_of(wish.tick, self._contract, wish.now_ns, Sender.TELEOP), wish.now_ns * 1e-9
        if not self._has_begun and demand.wants_chunk:
            self._has_begun, self._ticks = True, 0
            self._hand.begin()
        if self._has_begun:
            if self._ticks % self._ticks_per_move == 0:
                self._move(commanded, now_s)
            self._ticks += 1
            self._coming = self._operator.answer(demand, measured, commanded, now_s)
        return [] if came is None else [came]

    def _move(self, commanded: JointReading, now_s: float) -> None:
        velocity, closes = self._hand.move()
        linear, turn = (velocity["x"], velocity["y"], velocity["z"]), (0.0, 0.0, velocity["yaw"])
        self._operator.press(Press.CLOSE if closes else Press.OPEN, commanded)
        self._operator.steer(self._twist.read(linear, turn, True), now_s)
