"""Demonstrators by task: each names what it wants one control period from now, and any action space can ask for it."""

from __future__ import annotations

from typing import Protocol

from qgf_sim.manipulation import ManipulationSimulation
from qgf_sim.oracles.manipulation import ManipulationOracle
from qgf_sim.oracles.reach import ReachOracle
from qgf_sim.reach import ReachSimulation
from qgf_sim.registry import available
from qgf_sim.simulation import Simulation


class Oracle(Protocol):
    """A demonstrator: tool x, y, z (m), yaw (rad) and finger (rad), or joint positions (rad), by name."""

    @property
    def done(self) -> bool:
        """True when the present plan has ended."""
        ...

    def reset(self) -> None:
        """Begins a plan from the present state."""
        ...

    def renew(self) -> None:
        """Takes on a new goal."""
        ...

    def wish(self) -> dict[str, float]:
        """What it wants one control period from now."""
        ...


def with_oracle() -> tuple[str, ...]:
    """The tasks that have a demonstrator: at present every one."""
    return available()


def make_oracle(simulation: Simulation, slowness: float, noise: float) -> Oracle:
    """The demonstrator of a simulation whose task stands in `with_oracle`.

    Raises:
        ValueError: the task has none.

    """
    if isinstance(simulation, ReachSimulation):
        return ReachOracle(simulation, slowness, noise)
    if isinstance(simulation, ManipulationSimulation):
        return ManipulationOracle(simulation, slowness, noise)
    raise ValueError(
        f"The task '{simulation.task}' has no demonstrator: {', '.join(with_oracle())} have one."
    )
