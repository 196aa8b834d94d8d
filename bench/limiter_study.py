"""What the command gate and its limits cost: one demonstrator, one task, several controllers, the same seeds.

    python bench/limiter_study.py --episodes 50 --json out/limiter_study.json

With --checkpoint a trained policy drives as well, unguided and guided.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import numpy as np
import torch
from policy_driver import PolicyDriver
from robots_under_study import GateRobot, OgbenchRobot, Robot, Sample, with_reference, without_limits

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, Reference
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.compare import Rate, rate
from qgf_ros.evaluate.rollouts import standard_rows
from qgf_sim.oracles import make_oracle

ROOT = Path(__file__).parent.parent


class Driver(Protocol):
    """Who decides. State: the episode."""

    name: str

    def reset(self, robot: Robot, seed: int) -> None:
        """Begins an episode on a robot that has just been reset."""
        ...

    def act(self, robot: Robot) -> FloatArray:
        """The next actions (n, A) in [-1, 1], one or more; they are all played before it is asked again."""
        ...


class OracleDriver:
    """OGBench's own demonstrator for the task, told anew where the tool is at every control period."""

    def __init__(self, slowness: float = 1.0, noise: float = 0.0) -> None:
        self.name = "oracle"
        self._slowness, self._noise = slowness, noise

    def reset(self, robot: Robot, seed: int) -> None:
        self._oracle = make_oracle(robot.simulation, self._slowness, self._noise)
        self._oracle.reset()

    def act(self, robot: Robot) -> FloatArray:
        if self._oracle.done:
            self._oracle.renew()
        return robot.towards(self._oracle.wish())[None]


class StillDriver:
    """Asks for nothing: whatever moves then is drift."""

    name = "still"

    def reset(self, robot: Robot, seed: int) -> None:
        """Nothing to begin."""

    def act(self, robot: Robot) -> FloatArray:
        return np.zeros((1, 5))


@dataclasses.dataclass(frozen=True)
class Row:
    """A driver on a robot over all seeds.

    `steps` is the mean number of control periods of the episodes that succeeded. Speeds (rad/s) and accelerations
    (rad/s2) are the largest finite differences of the arm's set-points, over control periods and over command ticks;
    `lead_rad` is how far a set-point stood from its measured joint at most; `drift_m` the largest distance between
    where the tool began and where it ended.
    """

    driver: str
    robot: str
    rate: Rate
    steps: float
    period_speed: float
    period_acceleration: float
    tick_speed: float
    tick_acceleration: float
    lead_rad: float
    drift_m: float


def study(
    drivers: Sequence[Driver],
    robots: Sequence[Robot],
    seeds: Sequence[int],
    steps: int,
    report: Callable[[Row], object] = lambda row: None,
) -> list[Row]:
    """Every driver on every robot, on the same seeds, for `steps` control periods or until success."""
    rows = []
    for driver in drivers:
        for robot in robots:
            rows.append(_run(driver, robot, seeds, steps))
            report(rows[-1])
    return rows


def _run(driver: Driver, robot: Robot, seeds: Sequence[int], steps: int) -> Row:
    successes, lengths, peaks, drifts = [], [], [], []
    for seed in seeds:
        length, drift = _episode(driver, robot, seed, steps)
        successes.append(robot.simulation.success())
        lengths += [length] if successes[-1] else []
        peaks.append(_peaks(robot.trace, robot.tick_s, robot.ticks_per_action))
        drifts.append(drift)
    mean = float(np.mean(lengths)) if lengths else float("nan")
    highest = np.max(peaks, axis=0).tolist()
    return Row(driver.name, robot.name, rate(successes), mean, *highest, max(drifts))


def _episode(driver: Driver, robot: Robot, seed: int, steps: int) -> tuple[int, float]:
    robot.reset(seed)
    driver.reset(robot, seed)
    start, played = robot.tool(), 0
    while played < steps and not robot.simulation.success():
        for action in driver.act(robot):
            robot.play(action)
            played += 1
    return played, float(np.linalg.norm(robot.tool() - start))


def _peaks(trace: Sequence[Sample], tick_s: float, ticks_per_action: int) -> list[float]:
    """Speed and acceleration over periods, speed and acceleration over ticks, lead."""
    begun = trace[0].measured[None]
    set_points = np.concatenate([begun, [sample.set_points for sample in trace]])
    found: list[float] = []
    for every, seconds in ((ticks_per_action, tick_s * ticks_per_action), (1, tick_s)):
        speeds = np.diff(set_points[::every], axis=0) / seconds
        accelerations = np.diff(speeds, axis=0) / seconds
        found += [float(np.abs(speeds).max()), float(np.abs(accelerations).max(initial=0.0))]
    return [*found, max(float(np.abs(sample.set_points - sample.measured).max()) for sample in trace)]


def robots_of(contract: Contract, task: str) -> list[Robot]:
    """The four arms of docs/adr/0003: OGBench's own, our gate with and without limits, and with the other reference."""
    return [
        OgbenchRobot("OGBench's own controller", contract, task),
        GateRobot("gate, no limits", without_limits(contract), task),
        GateRobot("gate, UR5e limits", contract, task),
        GateRobot(
            "gate, UR5e limits, measured reference", with_reference(contract, Reference.MEASURED), task
        ),
    ]


def policies(checkpoint: Path) -> list[Driver]:
    """The unguided policy and the node's default."""
    torch.set_num_threads(1)
    loaded = load_checkpoint(checkpoint)
    rows = [row for row in standard_rows(loaded) if row.name in ("unguided", "guided")]
    return [PolicyDriver(loaded, row) for row in rows]


HEAD = f"{'driver':8} {'robot':38} {'success':>8} {'interval':>14} {'steps':>6}"
HEAD += f" {'rad/s':>6} {'rad/s2':>7} {'tick rad/s':>11} {'tick rad/s2':>12} {'lead rad':>9} {'drift mm':>9}"


def line(row: Row) -> str:
    """One line of the table under `HEAD`."""
    low, high = row.rate.interval
    return (
        f"{row.driver:8} {row.robot:38} {row.rate.success:8.2f} {f'{low:.2f} .. {high:.2f}':>14} {row.steps:6.1f}"
        f" {row.period_speed:6.2f} {row.period_acceleration:7.1f} {row.tick_speed:11.2f} {row.tick_acceleration:12.1f}"
        f" {row.lead_rad:9.3f} {1e3 * row.drift_m:9.2f}"
    )


def as_json(rows: Sequence[Row], arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures with what they were made from."""
    made = {key: str(value) if isinstance(value, Path) else value for key, value in vars(arguments).items()}
    return {"made_with": made, "rows": [dataclasses.asdict(row) for row in rows]}


def main() -> None:
    """Runs the study and prints its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--steps", type=int, default=200, help="control periods an episode")
    parser.add_argument("--task", default="cube-single-task2")
    parser.add_argument("--slowness", type=float, default=1.0, help="stretches the demonstrator's plan")
    parser.add_argument("--noise", type=float, default=0.0, help="of the demonstrator, a part of the range")
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube.yaml")
    parser.add_argument("--checkpoint", type=Path, help="a policy drives too, unguided and guided")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    robots = robots_of(load_contract(arguments.contract), arguments.task)
    print(HEAD)
    drivers: list[Driver] = [OracleDriver(arguments.slowness, arguments.noise)]
    drivers += policies(arguments.checkpoint) if arguments.checkpoint is not None else []
    rows = study(
        drivers, robots, range(arguments.episodes), arguments.steps, lambda row: print(line(row), flush=True)
    )
    rows += study(
        [StillDriver()], robots, range(3), arguments.steps, lambda row: print(line(row), flush=True)
    )
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(as_json(rows, arguments), indent=2) + "\n")


if __name__ == "__main__":
    main()
