"""Does the detector see a shift, and what does its reaction cost? Named shifts in closed loop, paired by seed. docs/adr/0025.

python bench/shifts.py                                     # goes on where it was stopped
python bench/shifts.py --first-seed 3000000 --json out/shifts_again.json   # on seeds that nothing was chosen on
python bench/shifts_plot.py
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from outcomes import Outcome, Outcomes

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.robot import load_simulation
from qgf_ros.evaluate.rollouts import make_caution, make_policy, run_episode, standard_rows
from qgf_sim.faults import Bias, Memory, PoseBias
from qgf_sim.simulation import FloatArray, JointState, Pose

ROOT = Path(__file__).parent.parent
FIRST_SEED = 2_000_000  # those of calibration begin at 1,000,000; the stated rate was chosen on these
NOMINAL = "none"
SIDE = (
    (0.33, 0.50),
    (0.38, 0.42),
)  # m: the cube's x, and its distance to either side; in the data y is within 0.36 m
ROWS = ("watched", "guided", "unguided")


@dataclass(frozen=True)
class Shift:
    """What is other than in the data: joints measured with a bias, an object seen elsewhere, a load at the tool, a new place."""

    joints: Bias | None = None
    pose: PoseBias | None = None
    payload_kg: float = 0.0
    aside: bool = False


def _camera(x: float, y: float, z: float) -> Shift:
    return Shift(pose=PoseBias(offset=(x, y, z)))


def _joint(name: str, rad: float) -> Shift:
    return Shift(joints=Bias(joints=(name,), offset=rad))


SHIFTS = {
    NOMINAL: Shift(),
    "joint: shoulder pan +0.05 rad": _joint("shoulder_pan_joint", 0.05),
    "joint: elbow +0.05 rad": _joint("elbow_joint", 0.05),
    "joint: elbow +0.02 rad": _joint("elbow_joint", 0.02),
    "camera: 3 cm up": _camera(0.0, 0.0, 0.03),
    "camera: 3 cm forward": _camera(0.03, 0.0, 0.0),
    "camera: 5 cm forward": _camera(0.05, 0.0, 0.0),
    "payload: 2 kg": Shift(payload_kg=2.0),
    "payload: 5 kg": Shift(payload_kg=5.0),
    "place: 38 to 42 cm aside": Shift(aside=True),
}


class ShiftedSimulation:
    """A cube task with a shift. All that is not here is the simulation's own. State: the simulation, the shift."""

    def __init__(self, simulation: Any) -> None:
        self._simulation = simulation
        self.shift = Shift()
        self._memory = Memory(np.random.default_rng(0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._simulation, name)

    def reset(self, seed: int) -> None:
        """A new episode under the shift; the place is drawn from the seed."""
        simulation = self._simulation
        simulation.set_payload(self.shift.payload_kg)
        simulation.reset(seed)
        if self.shift.aside:
            draw = np.random.default_rng([seed, 7])
            place = np.array([draw.uniform(*SIDE[0]), draw.uniform(*SIDE[1]) * draw.choice([-1.0, 1.0])])
            put(simulation, place)

    def joint_state(self) -> JointState:
        """The joints as they are measured."""
        state = self._simulation.joint_state()
        return state if self.shift.joints is None else self.shift.joints.joint_state(state, self._memory)

    def poses(self) -> dict[str, Pose]:
        """The cube as it is seen, and the rest as it is."""
        poses, bias = self._simulation.poses(), self.shift.pose
        if bias is None:
            return poses
        seen = replace(poses["cube"], position=bias.changed(poses["cube"].position, self._memory))
        return poses | {"cube": seen}


def put(simulation: Any, place: FloatArray) -> None:
    """Puts the cube to `place` (2,), m, at rest."""
    import mujoco

    scene = simulation.scene
    scene.data.joint("object_joint_0").qpos[:2] = place
    mujoco.mj_forward(scene.model, scene.data)
    scene.pre_step()
    scene.post_step()


def make_runner(checkpoint_path: Path, contract_path: Path, task: str) -> Callable[[str, int], Outcome]:
    """Runs the cell `SHIFT/ROW` on a seed."""
    contract = load_contract(contract_path)
    checkpoint = load_checkpoint(checkpoint_path, contract.interface)
    shifted = ShiftedSimulation(load_simulation(task))
    loop = ClosedLoop(contract, shifted)
    policy, caution = make_policy(checkpoint), make_caution(checkpoint_path, contract)
    if caution is None:
        raise SystemExit(f"{checkpoint_path} has no detector: make one with `qgf calibrate`.")
    standard = {row.name: row for row in standard_rows(checkpoint)}

    def run(cell: str, seed: int) -> Outcome:
        name, row = cell.rsplit("/", 1)
        shifted.shift = SHIFTS[name]
        watched = row == "watched"
        made = run_episode(
            loop,
            policy,
            standard["unguided" if row == "unguided" else "guided"],
            seed,
            caution if watched else None,
        )
        return {
            "success": made.success,
            "steps": made.steps,
            "flagged": made.alert.flagged if made.alert is not None else False,
            "score": made.worst_score if watched else 0.0,
            "refused": made.refused,
        }

    return run


def cells(wanted: str) -> list[str]:
    """All cells whose name the expression matches: those with the detector first."""
    return [name for row in ROWS for shift in SHIFTS if re.search(wanted, name := f"{shift}/{row}")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints/ur5e_cube")
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube.yaml")
    parser.add_argument("--task", default="cube-single-task2")
    parser.add_argument("--nominal", type=int, default=200, help="episodes without a shift (default 200)")
    parser.add_argument("--episodes", type=int, default=50, help="episodes a shift (default 50)")
    parser.add_argument("--only", default="", help="only cells SHIFT/ROW that this expression matches")
    parser.add_argument(
        "--first-seed", type=int, default=FIRST_SEED, help="others for a file of their own: --json"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/shifts.json")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    run = make_runner(options.checkpoint, options.contract, options.task)
    outcomes = Outcomes(options.json, {"task": options.task}, options.first_seed)
    names = cells(options.only)
    counts: Mapping[str, int] = {
        name: options.nominal if name.startswith(f"{NOMINAL}/") else options.episodes for name in names
    }
    for episodes in sorted(set(counts.values())):
        due = [name for name in names if counts[name] >= episodes]
        for name, seed in outcomes.missing(due, episodes, block=10):
            outcomes.add(name, run(name, seed))
    outcomes.write()


if __name__ == "__main__":
    main()
