"""Who drives the robot while data are collected."""

from __future__ import annotations

from typing import Protocol

from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.closed_loop import ClosedLoop


class Demonstrator(Protocol):
    """Names an absolute wish each control period: tool x, y, z (m), yaw (rad), or joint positions (rad), by name."""

    @property
    def done(self) -> bool:
        """True when the present plan has ended."""
        ...

    def reset(self) -> None:
        """Begins from the present state."""
        ...

    def renew(self) -> None:
        """Takes on a new goal."""
        ...

    def wish(self) -> dict[str, float]:
        """What it wants one control period from now."""
        ...


def demonstrator_for(loop: ClosedLoop, noise: float, slowness: float) -> Demonstrator:
    """The simulator's own demonstrator for the loop's task.

    Raises:
        InvalidSetting: the task has none.
    """
    from qgf_sim.oracles import make_oracle, with_oracle

    if loop.simulation.task not in with_oracle():
        raise InvalidSetting(
            "task", loop.simulation.task, "a task with a demonstrator: " + ", ".join(with_oracle())
        )
    oracle: Demonstrator = make_oracle(loop.simulation, slowness=slowness, noise=noise)
    return oracle
