"""The contract's types: what a robot and a task promise to a policy, and the reverse. `docs/contract.md` is
its manual.

Two parts. `Interface` must match between a data set, a checkpoint and a robot, and is hashed. `Deployment`
may differ from robot to robot: topics, ages, outputs, and limits (only ever tighter than the robot's own).
All units are SI (metres, radians, seconds); quaternions are `wxyz` everywhere but inside ROS messages.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

from qgf_ros.contract.deployment import Chunking as Chunking
from qgf_ros.contract.deployment import ChunkMode as ChunkMode
from qgf_ros.contract.deployment import Deployment as Deployment
from qgf_ros.contract.deployment import GoalTopic as GoalTopic
from qgf_ros.contract.deployment import JointLimits as JointLimits
from qgf_ros.contract.deployment import Output as Output
from qgf_ros.contract.deployment import OutputKind as OutputKind
from qgf_ros.contract.deployment import ToolLimits as ToolLimits
from qgf_ros.contract.deployment import Topic as Topic

SCHEMA_VERSION = 1
TOOL_DIMENSIONS = ("x", "y", "z", "yaw")  # of an action; any other dimension is a joint


class Message(Enum):
    """Message types an input may carry; plug in another by adding its reader to `contract/fields.py`."""

    JOINT_STATE = "sensor_msgs/msg/JointState"
    POSE = "geometry_msgs/msg/PoseStamped"
    COMMAND = "trajectory_msgs/msg/JointTrajectory"


class Field(Enum):
    """What a term takes from its message; the comment gives the length of the result."""

    POSITION = "position"  # one per joint: rad or m
    VELOCITY = "velocity"  # one per joint: rad/s or m/s
    EFFORT = "effort"  # one per joint: N m or N
    POSITION_CIRCLE = (
        "position_circle"  # 2 per joint, all cosines then all sines: for joints that turn without end
    )
    TOOL_POSITION = "tool_position"  # 3, forward kinematics of the message's joints: m
    TOOL_YAW = "tool_yaw"  # 2, cosine and sine of the tool's yaw
    POSE_POSITION = "pose_position"  # 3: m
    POSE_YAW = "pose_yaw"  # 2, cosine and sine of the pose's yaw
    POSE_QUATERNION = "pose_quaternion"  # 4, wxyz with w >= 0


JOINT_FIELDS = (Field.POSITION, Field.VELOCITY, Field.EFFORT, Field.POSITION_CIRCLE)
TOOL_FIELDS = (Field.TOOL_POSITION, Field.TOOL_YAW)
POSE_FIELDS = (Field.POSE_POSITION, Field.POSE_YAW, Field.POSE_QUATERNION)
FIELD_LENGTH = {
    Field.TOOL_POSITION: 3,
    Field.TOOL_YAW: 2,
    Field.POSE_POSITION: 3,
    Field.POSE_YAW: 2,
    Field.POSE_QUATERNION: 4,
}


class Reference(Enum):
    """What a delta is added to: docs/adr/0002-delta-from-the-command.md says why ours is the command."""

    COMMANDED = (
        "commanded"  # the joint command that was last published: no drift under load, no noise from sensors
    )
    MEASURED = "measured"  # the measured joints, as OGBench's own controller does
    ABSOLUTE = "absolute"  # the action is the target itself: `centre + value` (joint dimensions only)


@dataclass(frozen=True)
class Input:
    """A stream of messages that the policy reads. `frame` is required for poses: others are refused."""

    name: str
    message: Message
    frame: str | None = None


@dataclass(frozen=True)
class Term:
    """One named slice of the observation vector; `joints` for joint fields, in the order of the vector.

    A pose's position or yaw may be taken `from_tool_of` a joint input: minus the tool's, axes staying those of the
    frame. `symmetry` n says that the object looks the same after 1/n of a turn: the yaw's n-fold is what is seen.
    """

    name: str
    input: str
    field: Field
    unit: str
    joints: tuple[str, ...] = ()
    from_tool_of: str | None = None
    symmetry: int = 1

    @property
    def tool_input(self) -> str | None:
        """The joint input whose tool this term needs, if any."""
        return self.input if self.field in TOOL_FIELDS else self.from_tool_of

    @property
    def length(self) -> int:
        """Number of scalars this term adds to the observation."""
        if self.field is Field.POSITION_CIRCLE:
            return 2 * len(self.joints)
        return len(self.joints) if self.field in JOINT_FIELDS else FIELD_LENGTH[self.field]


@dataclass(frozen=True)
class Dimension:
    """One component of an action: `name` is x, y, z or yaw of the tool, or a joint's name.

    A policy speaks in [-1, 1]; the physical value is `centre + scale * value`, in `unit`.
    """

    name: str
    scale: float
    unit: str
    centre: float = 0.0


@dataclass(frozen=True)
class Action:
    """Meaning of an action. `workspace` is a box for the tool target, m, rows lower and upper corner."""

    reference: Reference
    dimensions: tuple[Dimension, ...]
    workspace: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the dimensions, in order."""
        return tuple(dimension.name for dimension in self.dimensions)


@dataclass(frozen=True)
class Kinematics:
    """A MuJoCo model (MJCF) of the arm: `tool` is the site that acts, `nominal_quat_wxyz` its attitude at yaw 0.

    `model` is a path relative to the contract's file; `sha256` is filled in from the file when the contract
    is read. Both are part of the digest: contracts that shall match keep the same relative path and the same
    bytes.
    """

    model: str
    tool: str
    nominal_quat_wxyz: tuple[float, float, float, float]
    sha256: str = ""


@dataclass(frozen=True)
class GoalTerm:
    """What a goal is: a place, m, for the position that `term` observes, in its frame; reached within `radius`, m."""

    term: str
    radius: float


@dataclass(frozen=True)
class Interface:
    """What must match: the order, meaning and units of observation and action, and the rates.

    `control_period_s` is the time one action is in force; `chunk_length` the actions in a chunk (H). With `goal` the critic is told
    where the task ends; the policy is not.
    """

    name: str
    joints: tuple[str, ...]
    control_period_s: float
    chunk_length: int
    inputs: tuple[Input, ...]
    observation: tuple[Term, ...]
    action: Action
    kinematics: Kinematics | None = None
    goal: GoalTerm | None = None

    @property
    def goal_dim(self) -> int:
        """Length G of a goal; 0 where there is none."""
        return 0 if self.goal is None else len(range(self.observation_dim)[self.slice_of(self.goal.term)])

    @property
    def without_goal(self) -> Interface:
        """The same for a policy, which never sees a goal."""
        return replace(self, goal=None)

    @property
    def observation_dim(self) -> int:
        """Length O of the observation vector."""
        return sum(term.length for term in self.observation)

    @property
    def action_dim(self) -> int:
        """Length A of one action."""
        return len(self.action.dimensions)

    def slice_of(self, term_name: str) -> slice:
        """Where a term stands in the observation vector.

        Raises:
            KeyError: no term has that name.
        """
        start = 0
        for term in self.observation:
            if term.name == term_name:
                return slice(start, start + term.length)
            start += term.length
        raise KeyError(term_name)

    def canonical(self) -> dict[str, object]:
        """The interface as plain values with enums by value: what is stored in data sets and checkpoints."""
        return _plain(asdict(self))

    @property
    def digest(self) -> str:
        """sha256 of the canonical form: equal where data, checkpoint and robot speak the same language."""
        return _sha256(self.canonical())

    @property
    def row_digest(self) -> str:
        """As `digest`, without goal and length of chunks: equal where one row of recorded data means the same."""
        rows = self.without_goal.canonical()
        del rows["chunk_length"]
        return _sha256(rows)


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Plain values with enums by value. A goal that is not there is left out: digests are those from before there were goals."""
    found = {key: value for key, value in values.items() if key != "goal" or value is not None}
    return json.loads(json.dumps(found, default=lambda value: value.value))  # type: ignore[no-any-return]


def _sha256(canonical: dict[str, object]) -> str:
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Contract:
    """One YAML file, checked: see `load_contract`."""

    interface: Interface
    deployment: Deployment
    path: Path

    @property
    def ticks_per_action(self) -> int:
        """Command ticks during which one action is in force."""
        return round(self.interface.control_period_s * self.deployment.command_rate_hz)

    @property
    def tick_ns(self) -> int:
        """Length of a command tick, ns."""
        return round(1e9 / self.deployment.command_rate_hz)

    @property
    def execution_horizon(self) -> int:
        """Actions of a chunk that are executed before the next one is asked for (s)."""
        stated = self.deployment.chunks.execution_horizon
        return self.interface.chunk_length if stated is None else stated

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The interface's inputs, their frames by the names that this robot gives them."""
        here = {name: topic.frame for name, topic in self.deployment.inputs.items()}
        return tuple(replace(entry, frame=here[entry.name] or entry.frame) for entry in self.interface.inputs)

    @property
    def goal_input(self) -> Input | None:
        """The stream of goals, with the frame that they must be in by the name that this robot gives it; None without goals."""
        term, here = self.interface.goal, self.deployment.goal
        if term is None or here is None:
            return None
        [observed] = [entry.input for entry in self.interface.observation if entry.name == term.term]
        [source] = [entry for entry in self.inputs if entry.name == observed]
        return Input("goal", Message.POSE, here.frame or source.frame)

    @property
    def digest(self) -> str:
        """sha256 of interface and deployment: what a certificate names as the contract that it was made under."""
        deployment = _plain(asdict(self.deployment))
        return _sha256({"interface": self.interface.canonical(), "deployment": deployment})

    @property
    def scene_path(self) -> Path | None:
        """The file of the scene that chunks are rolled forward in, or None where the contract names none."""
        scene = self.deployment.scene
        return None if scene is None else (self.path.parent / scene).resolve()

    @property
    def model_path(self) -> Path | None:
        """The kinematic model's file, or None where the contract names none."""
        kinematics = self.interface.kinematics
        return None if kinematics is None else (self.path.parent / kinematics.model).resolve()
