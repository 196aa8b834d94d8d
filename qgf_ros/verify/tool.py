"""Where the joints put the tool and how fast it moves: forward kinematics by MuJoCo, without `control`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.mujoco_model import load_model
from qgf_ros.verify.bounds import Bounds
from qgf_ros.verify.motion import MARGIN, Found
from qgf_ros.verify.plan import Plan
from qgf_ros.verify.sent import ON_TOPICS
from qgf_ros.verify.violation import What

ROUNDING = 1e-6  # m
Corner = tuple[float, ...]


class Tool:
    """The tool site of the contract's model. Holds scratch data: one instance a thread."""

    def __init__(self, contract: Contract) -> None:
        """Raises UnreadableFileError where the contract's model is not one that MuJoCo reads."""
        kinematics, path = contract.interface.kinematics, contract.model_path
        assert kinematics is not None, "callers check that the contract has kinematics"
        assert path is not None
        self._model = load_model(path)
        self._data = mujoco.MjData(self._model)
        self._site = self._model.site(kinematics.tool).id
        names = [self._model.joint(index).name for index in range(self._model.njnt)]
        self.places = [contract.interface.joints.index(name) for name in names]
        self._jacobian = np.zeros((3, self._model.nv))

    def motion(
        self, positions: tuple[float, ...], velocities: tuple[float, ...]
    ) -> tuple[float, float, float, float]:
        """x, y, z in m and the speed in m/s, of joints (J,) in the contract's order: rad, rad/s. The speed is |J(q) v|."""
        data = self._data
        data.qpos[:] = [positions[place] for place in self.places]
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_comPos(self._model, data)
        mujoco.mj_jacSite(self._model, data, self._jacobian, None, self._site)
        x, y, z = data.site_xpos[self._site].tolist()
        vx, vy, vz = (self._jacobian @ [velocities[place] for place in self.places]).tolist()
        return x, y, z, math.sqrt(vx * vx + vy * vy + vz * vz)


class BoxWatch:
    """State: how far outside its box the tool may be. Placed outside, by a reset where the arm stands, it may stay or come back."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The command was placed anew, or the box is another: the tool stands where it stands."""
        self._low: Corner | None = None
        self._high: Corner | None = None

    def allows(self, place: Corner, box: tuple[Corner, Corner]) -> bool:
        """Whether the tool may be at x, y, z (m): inside, or no further out on any side than it has come back by now."""
        low = place if self._low is None else tuple(map(max, self._low, place))
        high = place if self._high is None else tuple(map(min, self._high, place))
        self._low, self._high = tuple(map(min, low, box[0])), tuple(map(max, high, box[1]))
        sides = zip(place, self._low, self._high, strict=True)
        return all(a - ROUNDING <= x <= b + ROUNDING for x, a, b in sides)


class ToolCheck:
    """State: the model's scratch data, and how far outside its box the tool may be. One thread."""

    def __init__(self, contract: Contract) -> None:
        """Raises as `Tool`."""
        self._tool, self._box = Tool(contract), BoxWatch()
        outputs = [output for output in contract.deployment.outputs if output.kind not in ON_TOPICS]
        unseen = {contract.interface.joints.index(joint) for output in outputs for joint in output.joints}
        self._sees_all = unseen.isdisjoint(self._tool.places)  # goals of an action are not recorded

    def forget(self) -> None:
        """The command was placed anew, or the limits are others."""
        self._box.forget()

    def check(self, certificate: Certificate, bounds: Bounds) -> list[Found]:
        """Pose and speed as stated, the bounds in force, and the margins to them."""
        motion = self._tool.motion(certificate.positions, certificate.velocities)
        found: list[Found] = []
        if len(certificate.tool) != 4 or not all(
            abs(a - b) <= MARGIN for a, b in zip(certificate.tool, motion, strict=True)
        ):
            right = " ".join(f"{value:.6g}" for value in motion)
            found.append(
                (
                    What.TOOL,
                    "",
                    f"the joints put it at {right}",
                    " ".join(f"{value:.6g}" for value in certificate.tool),
                )
            )
        if bounds.tool is None:
            return found
        (low, high), place, speed = bounds.tool.box, motion[:3], motion[3]
        inside = min(min(x - a, b - x) for x, a, b in zip(place, low, high, strict=True))
        spare = bounds.tool.speed - speed
        if not self._box.allows(place, bounds.tool.box):
            found.append((What.TOOL_BOX, "", f"the box is {low} to {high} m", _places(place)))
        if spare < -MARGIN:
            found.append((What.TOOL_SPEED, "", f"{bounds.tool.speed:g} m/s are allowed", f"{speed:.6g} m/s"))
        stated = certificate.margin_tool
        if len(stated) != 2 or not (_same(stated[0], inside) and _same(stated[1], spare)):
            found.append(
                (What.MARGIN, "tool", f"it follows as {inside:.6g} {spare:.6g}", " ".join(map(str, stated)))
            )
        return found

    def check_plans(self, certificate: Certificate, plans: Sequence[Plan], bounds: Bounds) -> list[Found]:
        """Where the tool goes, and how fast, if no command follows; joints that have no plan stay where they were commanded.

        At a point it is inside its box, or no further out than at the command.
        """
        whole = [plan for plan in plans if plan.is_whole]
        if bounds.tool is None or not whole or not self._sees_all:
            return []
        times = [[point.time_ns for point in plan.points] for plan in whole]
        if any(one != times[0] for one in times):
            return [(What.PLAN, "tool", "the plans of one tick have the same times", "others")]
        here = self._tool.motion(certificate.positions, certificate.velocities)[:3]
        low, high = tuple(map(min, bounds.tool.box[0], here)), tuple(map(max, bounds.tool.box[1], here))
        for number, time_ns in enumerate(times[0]):
            q, v = list(certificate.positions), [0.0] * len(certificate.positions)
            for plan in whole:
                for place, joint in enumerate(plan.places):
                    q[joint], v[joint] = (
                        plan.points[number].positions[place],
                        plan.points[number].velocities[place],
                    )
            *there, speed = self._tool.motion(tuple(q), tuple(v))
            when = f"{time_ns * 1e-9:.3g} s on"
            if not all(a - ROUNDING <= x <= b + ROUNDING for x, a, b in zip(there, low, high, strict=True)):
                return [(What.PLAN, "tool", f"the box is {low} to {high} m", f"{_places(there)} {when}")]
            if not speed <= bounds.tool.speed + MARGIN:
                return [
                    (What.PLAN, "tool", f"{bounds.tool.speed:g} m/s are allowed", f"{speed:.6g} m/s {when}")
                ]
        return []


def _places(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6g}" for value in values)


def _same(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= MARGIN
