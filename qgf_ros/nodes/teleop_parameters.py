"""The teleoperation node's parameters, and what stands for those that are left to the contract."""

from __future__ import annotations

from collections.abc import Mapping

from qgf_ros.contract.schema import TOOL_DIMENSIONS, Contract
from qgf_ros.nodes.params import Parameter, Value
from qgf_ros.teleop.joy import NO_DEADMAN, Axis, read_axes

KEYS, JOY, TWIST = "keys", "joy", "twist"
TABLE = (
    Parameter("contract", "", "path of the contract, YAML"),
    Parameter(
        "device",
        JOY,
        "joy: a gamepad's sticks; twist: a space mouse's velocity, with the buttons of joy; keys: `qgf teleop`",
        choices=(JOY, TWIST, KEYS),
    ),
    Parameter("joy_topic", "joy", "sensor_msgs/Joy"),
    Parameter("twist_topic", "twist", "geometry_msgs/TwistStamped of the tool, m/s and rad/s"),
    Parameter("twist_frame", "base_link", "the frame that velocities must be in: the robot's base"),
    Parameter(
        "axes",
        [""],
        "what each axis of the gamepad moves, such as x:1 or y:0:- for the other way; empty: as it fits the contract",
    ),
    Parameter(
        "buttons",
        [
            "gripper:0",
            "slower:1",
            "hand_back:2",
            "take_over:3",
            "faster:5",
            "stop:6",
            "start:7",
            "begin_episode:8",
            "failure:9",
            "success:10",
        ],
        "what each button presses, NAME:BUTTON",
    ),
    Parameter(
        "deadman_button",
        4,
        "the button of joy that must be held for anything to move; -1: none, what the device sends is meant",
        NO_DEADMAN,
        63,
    ),
    Parameter("dead_zone", 0.1, "how far from its middle a stick still rests", 0.0, 0.9),
    Parameter(
        "speeds",
        ["0.1", "0.25", "0.5", "1.0"],
        "shares of the most that an action may ask for, the slowest first: levels of keys and sticks",
    ),
    Parameter(
        "max_age_s", 0.25, "after so long without a word of the device the person has let go", 0.02, 2.0
    ),
    Parameter(
        "gripper",
        "auto",
        "the joint that a press opens and closes; auto: the only joint beside a tool's axes; none: none",
    ),
)
STICKS = ("x:1", "y:0", "z:4", "yaw:3")  # of a gamepad with two sticks, as Linux numbers their axes


def gripper_of(contract: Contract, said: str) -> str:
    """The dimension that opens and closes, empty for none; what is `said` where it is neither `auto` nor `none`."""
    if said not in ("auto", "none"):
        return said
    names = contract.interface.action.names
    joints = [name for name in names if name not in TOOL_DIMENSIONS]
    return joints[0] if said == "auto" and len(joints) == 1 < len(names) else ""


def steered(contract: Contract, gripper: str) -> tuple[str, ...]:
    """The dimensions that sticks and keys move."""
    return tuple(name for name in contract.interface.action.names if name != gripper)


def axes_of(values: Mapping[str, Value], dimensions: tuple[str, ...]) -> tuple[Axis, ...]:
    """The gamepad's axes: as said, else two sticks for a tool, and one axis after the other for joints. Raises InvalidSetting."""
    said = values["axes"]
    assert isinstance(said, list), "its default is one"
    if any(said):
        return read_axes(said, dimensions)
    if all(name in TOOL_DIMENSIONS for name in dimensions):
        return tuple(axis for axis in read_axes(STICKS, TOOL_DIMENSIONS) if axis.dimension in dimensions)
    return tuple(Axis(name, number) for number, name in enumerate(dimensions))
