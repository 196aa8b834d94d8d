"""The contract's second part: what may differ from robot to robot. Import these types from `contract.schema`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OutputKind(Enum):
    """How joint targets leave: the kind of the ros2_control interface that takes them."""

    GROUP = "group"
    TRAJECTORY = "trajectory"
    GRIPPER_COMMAND = "gripper_command"
    FOLLOW_JOINT_TRAJECTORY = "follow_joint_trajectory"

    @property
    def ends_at_rest(self) -> bool:
        """Whether the controller brakes along what was sent last, if nothing more comes."""
        return self in (OutputKind.TRAJECTORY, OutputKind.FOLLOW_JOINT_TRAJECTORY)

    @property
    def is_topic(self) -> bool:
        """Whether others who command the controller can be seen; the goals of an action's clients cannot."""
        return self in (OutputKind.GROUP, OutputKind.TRAJECTORY)


@dataclass(frozen=True)
class JointLimits:
    """Bounds of one joint's command: position rad, velocity rad/s, acceleration rad/s2, jerk rad/s3.

    `start_error` is how far (rad) the measured joint may stand from the command when motion starts, `tracking_error` how far
    while it moves: more for fingers, which an object keeps from closing. The defaults are those of hinges: where one is as
    wide as the whole range, a contract must state it.
    """

    lower: float
    upper: float
    velocity: float
    acceleration: float
    jerk: float
    start_error: float = 0.1
    tracking_error: float = 0.3

    @property
    def watches_start(self) -> bool:
        """Whether the joint can stand too far from its command for a start: `start_error` is less than the range."""
        return self.start_error < self.upper - self.lower

    @property
    def watches_tracking(self) -> bool:
        """Whether a joint that does not follow its command, or whose sensor froze, is looked for: as `watches_start`."""
        return self.tracking_error < self.upper - self.lower


@dataclass(frozen=True)
class ToolLimits:
    """Bounds of the commanded tool in the base frame: `speed` m/s; `box` m, rows lower and upper corner."""

    speed: float
    box: tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Topic:
    """Where an input comes from and how old its newest message may be, s.

    `frame` is what this robot's transform tree calls the frame that the interface names; None where it is the same name.
    """

    topic: str
    max_age_s: float
    frame: str | None = None


@dataclass(frozen=True)
class GoalTopic:
    """Where goals come from: a pose, kept for who comes late. `frame` is this robot's name of the frame that it must be in."""

    topic: str
    frame: str | None = None


@dataclass(frozen=True)
class Output:
    """Where joint targets go: a controller's topic or action, and its joints in the controller's order."""

    kind: OutputKind
    topic: str
    joints: tuple[str, ...]


class ChunkMode(Enum):
    """How one chunk follows another: docs/adr/0017-chunk-timing.md."""

    SYNCHRONOUS = "synchronous"  # the next is asked for when the last has ended; the arm waits for it
    REAL_TIME = "real_time"  # made while the last is played; it keeps to what is committed meanwhile
    NAIVE = "naive"  # as real_time, but it knows nothing of those actions
    ENSEMBLE = "ensemble"  # as naive, but it is averaged with what earlier chunks said for the same time


@dataclass(frozen=True)
class Chunking:
    """When the next chunk is asked for and when it takes over, counted in actions.

    It is asked for when `execution_horizon` (s) actions of the chunk in play have been executed (None: all of them), and
    takes over `delay` (d) actions later.
    """

    mode: ChunkMode = ChunkMode.SYNCHRONOUS
    execution_horizon: int | None = None
    delay: int = 0


@dataclass(frozen=True)
class Deployment:
    """What may differ from robot to robot.

    `tool` bounds the commanded tool. `scene` is an MJCF file, relative to the contract's, with the arm and what stands around
    it: chunks are rolled forward in it before they are played. `speed_scaling` is the topic (Float64, percent) on which a
    controller says how fast it follows. `goal` is where the goals of an interface come from that has some.
    """

    command_rate_hz: float
    inputs: dict[str, Topic]
    outputs: tuple[Output, ...]
    limits: dict[str, JointLimits]
    chunks: Chunking = Chunking()
    tool: ToolLimits | None = None
    scene: str | None = None
    speed_scaling: str | None = None
    goal: GoalTopic | None = None
