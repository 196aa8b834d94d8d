"""Frozen values that flow between the layers. Imports neither torch nor ROS: a process without them may use this module."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """A training batch of H-step windows, reduced to what the losses need. All float32 on one device.

    observations (B, O) at the first step; actions (B, H, A) as they lie in memory, also past an episode end;
    next_observations (B, O) after the last valid step; rewards (B,) the discounted return of the window; masks (B,) 0 where the
    return must not be continued by a value; valid (B,) 0 where the window crosses an episode end.
    """

    observations: torch.Tensor
    actions: torch.Tensor
    next_observations: torch.Tensor
    rewards: torch.Tensor
    masks: torch.Tensor
    valid: torch.Tensor


@dataclass(frozen=True)
class JointReading:
    """Joints as a message gave them, by name: positions (rad), velocities (rad/s), efforts (N m); absent ones are empty."""

    stamp_ns: int
    names: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    efforts: FloatArray


@dataclass(frozen=True)
class PoseReading:
    """A pose in a named frame: position (3,) in m, attitude (4,) as a unit quaternion wxyz."""

    stamp_ns: int
    frame: str
    position: FloatArray
    quat_wxyz: FloatArray


Reading = JointReading | PoseReading


@dataclass(frozen=True)
class Observation:
    """The observation vector (O,) float32 in the contract's units, with the newest stamp it was made from."""

    values: npt.NDArray[np.float32]
    stamp_ns: int

    @property
    def digest(self) -> str:
        """The first 16 hex digits of the sha256 of the values as little-endian floats: equal for the same vector, bit by bit."""
        return hashlib.sha256(np.ascontiguousarray(self.values, "<f4").tobytes()).hexdigest()[:16]


class Sender(Enum):
    """Who may send chunks: the policy, or a person at a teleoperator. One of them is in command, the other's are refused."""

    POLICY = "policy"
    TELEOP = "teleop"

    @classmethod
    def of(cls, source: str) -> Sender:
        """Whose chunk it is that names this source: a person's is named `teleop`, all others are a policy's."""
        return cls.TELEOP if source == cls.TELEOP.value else cls.POLICY


@dataclass(frozen=True)
class ActionChunk:
    """Actions (H, A) in physical units, one per control period, from the observation stamped `stamp_ns`.

    `speed` in (0, 1]: its sender wants it played so much slower than the contract's period, along the same path. `source`
    says what made it: a policy's checkpoint by its digest, `teleop` a person.
    """

    names: tuple[str, ...]
    actions: FloatArray
    stamp_ns: int
    speed: float = 1.0
    source: str = ""

    @property
    def sender(self) -> Sender:
        """Whose it is."""
        return Sender.of(self.source)


class Rung(Enum):
    """Where a command came from: the steps of the ladder from a fresh chunk down to a latched stop."""

    CHUNK = "chunk"
    TAIL = "tail"  # no fresh chunk is there yet: the last one's spare actions, then its last target
    HOLD = "hold"  # brake to rest and stay
    STOP = "stop"  # latched: needs a reset


class Verdict(Enum):
    """What a check made of a command, from mild to severe."""

    SLOW = "slow"  # along the same path, in more time
    CLAMP = "clamp"  # the nearest value that is allowed
    HOLD = "hold"  # brake to rest and stay until started again, or until the cause is gone
    STOP = "stop"  # as hold, latched until a reset


@dataclass(frozen=True)
class Finding:
    """One check's verdict with its reason code (docs/safety.md lists them) and what it is about: a joint, a topic, the tool."""

    verdict: Verdict
    reason: str
    subject: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.verdict.value, self.reason, self.subject)))


@dataclass(frozen=True)
class Seam:
    """How hard one chunk took over from another: rad, rad/s, rad/s2. `control/seams.py` defines it."""

    position: float
    velocity: float
    acceleration: float


@dataclass(frozen=True)
class BegunAction:
    """An action (A,) that begins to be played, in physical units, bounded to its range; `number` counts those before it since
    the arm was started, or went on after a hold.
    """

    values: FloatArray
    number: int


@dataclass(frozen=True)
class JointCommand:
    """One tick's command for all joints of the contract, in its order: rad, rad/s, rad/s2.

    `tick` counts commands since the last reset. Of the chunk that the next tick plays: its stamp, `actions_left` that have
    not begun, `begun` the index of the action then in force. `wants_chunk` asks for the next chunk; `clipped` counts action
    components outside their range, or targets outside workspace or limits, at this tick; `seam` is there at the tick that
    ends the first action of a new chunk. `speed` in [0, 1] is how fast the path was followed at this tick, `findings` what the
    checks made of it, `source` what made the chunk in play; `action` is there at the tick at which one begins.
    """

    stamp_ns: int
    tick: int
    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray
    rung: Rung
    reason: str
    chunk_stamp_ns: int
    actions_left: int
    wants_chunk: bool
    clipped: int
    begun: int = 0
    seam: Seam | None = None
    speed: float = 1.0
    findings: tuple[Finding, ...] = ()
    source: str = ""
    action: BegunAction | None = None
