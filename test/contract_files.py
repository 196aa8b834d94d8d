"""Contracts for tests: the shipped one with edits, and a small one of two joints without a model."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.baseline import Baseline
from qgf_ros.control.baseline_file import own_place, write_baseline
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import SessionConfig
from qgf_ros.errors import QgfError

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "config" / "contracts" / "ur5e_cube.yaml"
MODEL = ROOT / "config" / "robots" / "ur5e_2f85.xml"

Edit = Callable[[dict[str, Any]], object]

TWO_JOINTS = """
schema_version: 1
interface:
  name: two_joints
  joints: [shoulder, elbow]
  control_period_s: 0.05
  chunk_length: 4
  inputs:
    - {name: joint_states, message: sensor_msgs/msg/JointState}
    - {name: goal, message: geometry_msgs/msg/PoseStamped, frame: base_link}
  observation:
    - {name: angles, input: joint_states, field: position, unit: rad, joints: [shoulder, elbow]}
    - {name: speeds, input: joint_states, field: velocity, unit: rad/s, joints: [elbow, shoulder]}
    - {name: goal_position, input: goal, field: pose_position, unit: m}
    - {name: goal_yaw, input: goal, field: pose_yaw, unit: "1"}
    - {name: goal_attitude, input: goal, field: pose_quaternion, unit: "1"}
  action:
    reference: commanded
    dimensions:
      - {name: shoulder, scale: 0.1, unit: rad}
      - {name: elbow, scale: 0.2, unit: rad, centre: 0.05}
deployment:
  command_rate_hz: 100.0
  inputs:
    joint_states: {topic: joint_states, max_age_s: 0.08}
    goal: {topic: goal_pose, max_age_s: 0.3}
  outputs:
    - {kind: group, topic: arm_controller/commands, joints: [shoulder, elbow]}
  limits:
    shoulder: {lower: -2.0, upper: 2.0, velocity: 2.0, acceleration: 10.0, jerk: 1000.0}
    elbow: {lower: -1.0, upper: 1.5, velocity: 1.0, acceleration: 5.0, jerk: 500.0}
"""


def write_shipped(folder: Path, edit: Edit = lambda content: None) -> Path:
    """The shipped UR5e contract in `folder`, edited, with its model and its scene where it looks for them."""
    content = yaml.safe_load(SHIPPED.read_text())
    edit(content)
    (folder / "contracts").mkdir(exist_ok=True)
    for name in ("robots", "scenes"):
        shutil.copytree(ROOT / "config" / name, folder / name, dirs_exist_ok=True)
    path = folder / "contracts" / "ur5e_cube.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_bare_two_joints(folder: Path, edit: Edit = lambda content: None) -> Path:
    """The contract of two joints in `folder`, edited, without a baseline."""
    content = yaml.safe_load(TWO_JOINTS)
    edit(content)
    path = folder / "two_joints.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_two_joints(folder: Path, edit: Edit = lambda content: None) -> Path:
    """The contract of two joints in `folder`, edited; if it is sound, with a baseline that it just keeps to."""
    path = write_bare_two_joints(folder, edit)
    with contextlib.suppress(QgfError):
        write_baseline_of(path)
    return path


def write_baseline_of(path: Path, chunk_max_age_s: float = SessionConfig.chunk_max_age_s) -> Path:
    """The baseline of the contract in a file, where the command node finds it: no deployment is weaker than itself."""
    contract = load_contract(path)
    config = SessionConfig(chunk_max_age_s, full_speed_confirmed=True)  # as in simulation
    deployed = Deployed(contract, config, is_lockstep=True)
    baseline = Baseline.of(deployed, LimitsInForce.of(contract))
    write_baseline(baseline, path.stem, own_place(contract))
    return path


def two_joints(folder: Path, edit: Edit = lambda content: None) -> Contract:
    """The contract of two joints, loaded."""
    return load_contract(write_two_joints(folder, edit))


def two_joints_with_command(folder: Path, also: Edit = lambda content: None) -> Path:
    """The contract of two joints in `folder`, with the executed command as a further input, edited."""

    def edit(content: dict[str, Any]) -> None:
        also(content)
        interface, deployment = content["interface"], content["deployment"]
        interface["inputs"].append({"name": "command", "message": "trajectory_msgs/msg/JointTrajectory"})
        term = {"name": "commanded", "input": "command", "field": "position", "unit": "rad"}
        interface["observation"].append(term | {"joints": ["shoulder", "elbow"]})
        deployment["inputs"]["command"] = {"topic": "command_node/executed", "max_age_s": 0.1}

    return write_two_joints(folder, edit)
