"""What every simulated robot offers. SI units; quaternions wxyz; time in nanoseconds from the last reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class JointState:
    """All joints that a joint_state_broadcaster would publish: positions (J,) rad, velocities rad/s, efforts N m."""

    names: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    efforts: FloatArray


@dataclass(frozen=True)
class Pose:
    """An object's pose as perception would publish it: position (3,) m, attitude wxyz, in a named frame."""

    frame: str
    position: FloatArray
    quat_wxyz: FloatArray


class Simulation(Protocol):
    """A robot and a task. Not thread-safe."""

    task: str
    joints: tuple[str, ...]

    @property
    def time_ns(self) -> int:
        """Simulated time since the reset."""
        ...

    def reset(self, seed: int) -> None:
        """A new episode; equal seeds give equal episodes."""
        ...

    def step(self, targets: Mapping[str, float], duration_ns: int) -> None:
        """Holds position set-points (rad, by joint name) for a whole number of physics steps."""
        ...

    def joint_state(self) -> JointState:
        """The measured joints."""
        ...

    def poses(self) -> dict[str, Pose]:
        """Poses of objects and goals by name."""
        ...

    def goal(self) -> Pose | None:
        """Where the task's object shall be; None where there is no such place, or there are several."""
        ...

    def set_goal(self, position: FloatArray) -> None:
        """From now on the task's object shall be at `position` (3,) m, in the goal's frame; a reset brings the task's own goal back.

        Raises ValueError where `goal` is None."""
        ...

    def scene_state(self) -> JointState | None:
        """Named scalars of the scene (drawers, buttons, lamps) in the form of joints; None where there are none."""
        ...

    def reward(self) -> float:
        """The task's reward in the present state."""
        ...

    def success(self) -> bool:
        """True when the task's goal holds in the present state."""
        ...

    @property
    def max_steps(self) -> int:
        """The episode's time limit in control periods."""
        ...

    @property
    def control_period_s(self) -> float:
        """The task's customary control period."""
        ...

    def state(self) -> tuple[FloatArray, FloatArray]:
        """Generalised positions and velocities of the whole scene, for data sets."""
        ...

    def set_payload(self, kg: float) -> None:
        """The tool's body is `kg` heavier than in the model, until told otherwise."""
        ...

    def frame(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """A picture (height, width, 3). Raises RuntimeError where no GL library is found."""
        ...
