"""What may happen to a command session in a long life: random faults, and an operator who starts, stops, presses and resets.

One seed gives one life. Nobody is careful here; only after a hold the operator tries to start again, so that the arm moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from qgf_ros.datatypes import Rung, Sender
from qgf_ros.evaluate import deeds
from qgf_ros.evaluate.session_loop import Served, SessionLoop
from qgf_sim.fault_line import Planned, read_fault

FAULT_SHARE = 1 / 150  # of ticks at which a fault begins
MOST_AT_ONCE = 2
MEAN_S = 0.15  # of a fault's duration
PATIENCE = (5, 40)  # ticks of rest before the operator tries again
LONGEST_STALL = 30  # ticks that pass without a command
MOST_TRIALS = 3  # then the robot is brought to another scene

Draw = Callable[[np.random.Generator], dict[str, object]]


def _between(name: str, field: str, low: float, high: float) -> Draw:
    return lambda random: {"fault": name, field: float(random.uniform(low, high))}


def _plain(name: str, **fields: object) -> Draw:
    return lambda _random: {"fault": name, **fields}


FAULTS: tuple[Draw, ...] = (
    _plain("lost"),
    _plain("lost", topic="cube_pose"),
    _plain("lost", topic="clock"),
    _between("delay", "seconds", 0.01, 0.3),
    _between("drop", "share", 0.1, 0.9),
    _plain("duplicate"),
    _plain("reorder", length=5),
    _plain("freeze"),
    _between("skew", "seconds", -0.5, 0.5),
    _between("clock_jump", "seconds", -5.0, -0.1),
    _between("clock_jump", "seconds", 0.1, 5.0),
    _plain("clock_stands"),
    _between("noise", "std", 0.0001, 0.3),
    _between("bias", "offset", -1.0, 1.0),
    _plain("nan"),
    _plain("infinity"),
    _plain("degrees"),
    _plain("pose_bias"),
    _plain("shuffle"),
    _plain("partial"),
    _plain("doubled"),
    _plain("exchanged"),
    _plain("misshapen"),
    _plain("controller_deactivated"),
    _between("controller_lag", "seconds", 0.01, 0.2),
    _plain("joint_stuck"),
    _plain("gripper_stuck"),
    _between("joint_bias", "offset", -0.2, 0.2),
    _between("payload", "kg", 0.1, 3.0),
)


def _any_speed(loop: SessionLoop, random: np.random.Generator) -> None:
    percent = float(random.choice([0.0, 30.0, 100.0, 100.0, 100.0, 1e9, -5.0, np.nan]))
    loop.speed_percent = None if percent < 0.0 else percent


def _suspend(loop: SessionLoop, _random: np.random.Generator) -> None:
    deeds.second_publisher(loop)


def _unsuspend(loop: SessionLoop, _random: np.random.Generator) -> None:
    loop.session.unsuspend("second_publisher")


def _stall(loop: SessionLoop, random: np.random.Generator) -> None:
    loop.stall(int(random.integers(1, LONGEST_STALL)))


DEEDS: tuple[tuple[str, float, Callable[[SessionLoop, np.random.Generator], None]], ...] = (
    ("stop", 1 / 1500, lambda loop, _: deeds.stop(loop)),
    ("start", 1 / 800, lambda loop, _: deeds.start(loop)),
    ("reset", 1 / 2000, lambda loop, _: loop.ask_reset()),
    ("emergency called", 1 / 2500, lambda loop, _: deeds.emergency_called(loop)),
    ("emergency pressed", 1 / 2500, lambda loop, _: deeds.emergency_pressed(loop)),
    ("emergency released", 1 / 300, lambda loop, _: loop.emergency_release()),
    ("failure", 1 / 5000, lambda loop, _: deeds.fail(loop)),
    ("activated again", 1 / 4000, lambda loop, _: loop.activate()),
    ("second publisher", 1 / 3000, _suspend),
    ("second publisher gone", 1 / 50, _unsuspend),
    ("speed scaling", 1 / 400, _any_speed),
    ("stall", 1 / 600, _stall),
    ("taken over", 1 / 1500, lambda loop, _: loop.session.hand_over(Sender.TELEOP)),
    ("handed back", 1 / 150, lambda loop, _: loop.session.hand_over(Sender.POLICY)),
)


class RandomLife:
    """State: its random numbers, when the operator tries again and how often in vain. One thread."""

    def __init__(self, loop: SessionLoop, random: np.random.Generator) -> None:
        """The loop has been reset."""
        self._loop, self._random = loop, random
        self._rested = self._trials = 0
        self._patience = PATIENCE[0]
        self.faults: Counter[str] = Counter()
        self.deeds: Counter[str] = Counter()

    def next(self) -> Served:
        """One tick, after whatever happens before it."""
        if self._random.random() < FAULT_SHARE and len(self._loop.faults.active) < MOST_AT_ONCE:
            self._begin_fault()
        for (name, share, deed), drawn in zip(DEEDS, self._random.random(len(DEEDS)).tolist(), strict=True):
            if drawn < share:
                self.deeds[name] += 1
                deed(self._loop, self._random)
        served = self._loop.tick()
        self._operate(served)
        return served

    def new_scene(self) -> None:
        """The robot at its start in another scene, without faults; the session is told nothing."""
        self.deeds["new scene"] += 1
        self._loop.faults.clear()
        self._loop.new_scene(int(self._random.integers(2**31)))

    def _begin_fault(self) -> None:
        entry = FAULTS[int(self._random.integers(len(FAULTS)))](self._random)
        seconds = float(np.clip(self._random.exponential(MEAN_S), 0.01, 1.0))
        planned: Planned = read_fault(entry | {"for_s": seconds}, self._loop.at_s)
        self.faults[planned.name] += 1
        self._loop.faults.inject(planned)

    def _operate(self, served: Served) -> None:
        """After a rest: release, reset where it is latched, start; after many trials in vain another scene."""
        if served.tick.rung in (Rung.CHUNK, Rung.TAIL):
            self._rested = self._trials = 0
            return
        self._rested += self._loop.session.is_at_rest
        if self._rested < self._patience:
            return
        self._rested, self._patience = 0, int(self._random.integers(*PATIENCE))
        self._trials += 1
        if self._trials > MOST_TRIALS:
            self._trials = 0
            self.new_scene()
        if served.tick.rung is Rung.STOP or self._trials % 2 == 0:
            self._loop.emergency_release()
            self._loop.ask_reset()
            return
        refusal = self._loop.start()
        self.deeds["start refused" if refusal else "start after rest"] += 1
