"""Rolls a chunk forward in MuJoCo before it is played: does the arm touch itself, or what was declared around it?

The scene is an MJCF file that the contract names (`deployment.scene`): the arm with its shapes, and the world's. A rollout
is kinematic: the limiter's motion stays between the chunk's targets joint by joint, so what is looked at is the path, at
places so close that no link can jump over a shape in between. What the scene does not hold (objects, people) is not seen.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.scene_check import check_scene
from qgf_ros.datatypes import Finding, FloatArray, Verdict
from qgf_ros.errors import ContractError, UnreadableFileError
from qgf_ros.mujoco_model import load_model

STEP_RAD = 0.02  # largest move of a joint between two places looked at: 2 cm at a metre's reach, less than any link is thick
TRIALS = 20
LONGEST_S = 2.0  # of a chunk: none is worth as long a wait


class LookAhead:
    """The declared scene. Holds scratch data: use one instance per thread."""

    def __init__(self, contract: Contract) -> None:
        """Loads the scene that the contract names.

        Raises:
            UnreadableFileError: it is not one that MuJoCo reads, or in which it finds contacts.
            ContractError: it is not the contract's arm, or nothing in it can touch: as `check_scene`; or looking at one chunk takes
                too long.
        """
        path = contract.scene_path
        assert path is not None, "callers check that the contract has a scene"
        self._model = load_model(path)
        self._data = mujoco.MjData(self._model)
        with _fatal_refused(path):
            check_scene(contract, self._model)
        joints = [self._model.joint(index).name for index in range(self._model.njnt)]
        self._places = [contract.interface.joints.index(joint) for joint in joints]
        turns = self._turns(contract)
        self._rehearse(contract, turns)
        self.cost_s = self._measure(turns)

    def check(self, path: FloatArray, start: FloatArray) -> Finding | None:
        """What the arm would touch from `start` (J,) along `path` (P, J), rad in the contract's order; None if nothing.

        A touch that is there at the start already, and no deeper later, is let pass: the way out of it must stay open.
        """
        allowed = self._touches(start[self._places])
        before = start[self._places]
        for target in path[:, self._places]:
            for place in between(before, target):
                for pair, depth in self._touches(place).items():
                    if depth > allowed.get(pair, 0.0):
                        return Finding(Verdict.HOLD, "collision", "~".join(pair))
            before = target
        return None

    def _touches(self, place: FloatArray) -> dict[tuple[str, str], float]:
        """Pairs of shapes that touch at `place`, by name, and how deep, m."""
        self._data.qpos[:] = place
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        if (
            not self._data.ncon
        ):  # as nearly always: making the list of contacts costs thirty times what finding them does
            return {}
        found: dict[tuple[str, str], float] = {}
        for contact in self._data.contact:
            names = sorted(self._name(int(geom)) for geom in contact.geom)
            pair = (names[0], names[1])
            found[pair] = max(found.get(pair, 0.0), -float(contact.dist))
        return found

    def _name(self, geom: int) -> str:
        """Of the shape, or of the body that carries it; without blanks, since findings stand in texts."""
        body = self._model.body(int(self._model.geom_bodyid[geom])).name
        return str(self._model.geom(geom).name or body or "world").replace(" ", "_")

    def _turns(self, contract: Contract) -> FloatArray:
        """A chunk (H, J) each of whose actions turns every joint by a fast action's angle, rad."""
        count = contract.interface.chunk_length
        turns = np.zeros((count, len(contract.interface.joints)))
        period_s = contract.interface.control_period_s
        for place in self._places:
            speed = contract.deployment.limits[contract.interface.joints[place]].velocity
            turns[:, place] = speed * period_s * np.arange(1, count + 1)
        return turns

    def _rehearse(self, contract: Contract, turns: FloatArray) -> None:
        """Looks at one place; raises where MuJoCo cannot, or where the places of a chunk would take longer than `LONGEST_S`."""
        assert contract.scene_path is not None, "callers check that the contract has a scene"
        began = time.perf_counter()
        with _fatal_refused(contract.scene_path):
            self._touches(np.zeros(len(self._places)))
        took_s = time.perf_counter() - began
        step = np.abs(turns[0]).max() / STEP_RAD
        places = len(turns) * max(step, 1.0)
        if not took_s * places <= LONGEST_S:
            problem = f"looking ahead takes {took_s * places:.1f} s a chunk, {took_s:.1g} s at each of {places:.0f} places"
            raise ContractError(
                contract.path, problem, f"{LONGEST_S:g} s at most, by fewer shapes in the scene"
            )

    def _measure(self, turns: FloatArray) -> float:
        """What a chunk costs, s: the median of a few, of one where that takes long."""
        took: list[float] = []
        while len(took) < TRIALS and sum(took) < LONGEST_S / 2:
            began = time.perf_counter()
            self.check(turns, np.zeros(turns.shape[1]))
            took.append(time.perf_counter() - began)
        return float(np.median(took))


@contextlib.contextmanager
def _fatal_refused(path: Path) -> Iterator[None]:
    """Raises UnreadableFileError where MuJoCo gives up within."""
    try:
        yield
    except mujoco.FatalError as error:
        problem = " ".join(str(error).split()).rstrip(".")
        raise UnreadableFileError(path, "a scene in which MuJoCo finds contacts", problem) from error


def between(before: FloatArray, target: FloatArray) -> Iterator[FloatArray]:
    """Places on the straight line after `before` up to `target` (J,), no joint moving more than `STEP_RAD` from one to the next."""
    count = max(int(np.ceil(np.abs(target - before).max() / STEP_RAD)), 1)
    for index in range(1, count + 1):
        yield before + (target - before) * (index / count)


def look_ahead_of(contract: Contract) -> LookAhead | None:
    """The look-ahead that a contract asks for by naming a scene. Raises as `LookAhead`."""
    return None if contract.deployment.scene is None else LookAhead(contract)
