"""How long the parts of a command tick take: inverse kinematics, limiter, and the gate as a whole.

    python bench/control_times.py --json out/control_times.json

A random walk of the tool inside the contract's workspace, on one thread, without a simulator.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import TOLERANCE, Kinematics
from qgf_ros.datatypes import ActionChunk, JointReading

ROOT = Path(__file__).parent.parent
# The tool at (0.42, 0, 0.2) m, pointing down: a start for the shipped contract.
START = (-1.8955, -1.7439, 2.0707, -1.8976, -1.5708, -0.3247, 0.2)

Figures = dict[str, float]


def figures(times_ms: list[float]) -> Figures:
    """Median, 99th percentile and maximum, ms."""
    return {
        "p50": float(np.median(times_ms)),
        "p99": float(np.percentile(times_ms, 99)),
        "max": max(times_ms),
    }


def time_inverse_kinematics(contract: Contract, count: int) -> tuple[Figures, int]:
    """One solve for each of `count` random actions, and how many targets were not reached."""
    kinematics, rng = Kinematics(contract), np.random.default_rng(0)
    joints = dict(zip(contract.interface.joints, START, strict=True))
    workspace = contract.interface.action.workspace
    assert workspace is not None, "the shipped contract has one"
    times_ms, missed = [], 0
    for _ in range(count):
        here, yaw = kinematics.tool(joints)
        wanted = np.clip(here + rng.uniform(-0.05, 0.05, 3), *workspace)
        began = time.perf_counter()
        arm, error = kinematics.solve(wanted, yaw + rng.uniform(-0.3, 0.3), joints)
        times_ms.append(1e3 * (time.perf_counter() - began))
        missed += error >= TOLERANCE
        joints = joints | arm
    return figures(times_ms), missed


def time_gate(contract: Contract, count: int) -> tuple[Figures, Figures]:
    """Ticks that begin an action (kinematics and a new plan), and those between, over `count` actions."""
    gate, rng = CommandGate(contract, Kinematics(contract)), np.random.default_rng(0)
    joints = contract.interface.joints
    gate.reset(JointReading(0, joints, np.array(START), np.zeros(len(joints)), np.zeros(0)))
    gate.start()
    measured = dict(zip(joints, START, strict=True))
    begins, between = [], []
    for index in range(count):
        action = gate.action_space.physical(rng.uniform(-1.0, 1.0, len(contract.interface.action.names)))
        gate.load(ActionChunk(contract.interface.action.names, action[None], index + 1))
        for tick in range(contract.ticks_per_action):
            began = time.perf_counter()
            gate.tick(0, measured)
            (between if tick else begins).append(1e3 * (time.perf_counter() - began))
    return figures(begins), figures(between)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--actions", type=int, default=2000)
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube.yaml")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    contract = load_contract(arguments.contract)
    solve, missed = time_inverse_kinematics(contract, arguments.actions)
    begins, between = time_gate(contract, arguments.actions)
    rows = {"inverse kinematics": solve, "tick that begins an action": begins, "tick between": between}
    for name, row in rows.items():
        print(f"{name:28} p50 {row['p50']:.3f} ms  p99 {row['p99']:.3f} ms  max {row['max']:.3f} ms")
    print(f"targets not reached: {missed} of {arguments.actions}")
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"times_ms": rows, "missed": missed}, indent=2) + "\n")


if __name__ == "__main__":
    main()
