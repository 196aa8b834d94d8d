"""A simulated robot under its controllers, tick by tick, and the score of the episode. Knows no clock and no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgf_sim.controllers import Controller
from qgf_sim.simulation import Simulation


@dataclass(frozen=True)
class Episode:
    """How the episode stands: `step` counts control periods, `done` is success or the time limit."""

    task: str
    seed: int
    step: int
    time_s: float
    reward: float
    total_reward: float
    success: bool
    done: bool


class Stand:
    """State: the simulation, its controllers, the episode so far. One thread."""

    def __init__(self, simulation: Simulation, controllers: Sequence[Controller], tick_ns: int) -> None:
        """Raises ValueError where two controllers claim one joint, or a control period is not a whole number of ticks."""
        claimed = [joint for controller in controllers for joint in controller.joints]
        doubled = sorted({joint for joint in claimed if claimed.count(joint) > 1})
        if doubled:
            raise ValueError(f"Two controllers claim {', '.join(doubled)}: a joint can have one.")
        period_ns = round(simulation.control_period_s * 1e9)
        if period_ns % tick_ns:
            raise ValueError(
                f"The control period of {simulation.task} is {period_ns * 1e-9:g} s, no whole number of ticks of {tick_ns * 1e-9:g} s."
            )
        self.simulation = simulation
        self.tick_ns = tick_ns
        self._controllers = tuple(controllers)
        self._ticks_per_step = period_ns // tick_ns
        self._seed = self._ticks = 0
        self._reward = self._total_reward = 0.0
        self._success = False
        self._held: dict[str, float] = {}

    def reset(self, seed: int) -> None:
        """A new episode; every controller holds the joints where they are."""
        self.simulation.reset(seed)
        state = self.simulation.joint_state()
        self._held = dict(zip(state.names, state.positions.tolist(), strict=True))
        for controller in self._controllers:
            controller.reset(self._held)
        self._seed, self._ticks = seed, 0
        self._reward = self._total_reward = 0.0
        self._success = self.simulation.success()

    def step(self) -> bool:
        """Moves on by one tick under the controllers; True when that ended a control period."""
        at_ns = self.simulation.time_ns + self.tick_ns
        targets = dict(self._held)
        for controller in self._controllers:
            targets |= controller.set_points(at_ns)
        self.simulation.step(targets, self.tick_ns)
        self._ticks += 1
        if self._ticks % self._ticks_per_step:
            return False
        self._reward = self.simulation.reward()
        self._total_reward += self._reward
        self._success = self.simulation.success()
        return True

    @property
    def episode(self) -> Episode:
        """The episode at the end of the last control period."""
        step = self._ticks // self._ticks_per_step
        done = self._success or step >= self.simulation.max_steps
        seconds = self.simulation.time_ns * 1e-9
        return Episode(
            self.simulation.task,
            self._seed,
            step,
            seconds,
            self._reward,
            self._total_reward,
            self._success,
            done,
        )
