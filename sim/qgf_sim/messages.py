"""Between the simulator's values and ROS messages. ROS writes quaternions xyzw; only here does the order change."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState as JointStateMessage
from trajectory_msgs.msg import JointTrajectory

from qgf_sim.controllers import Point, Trajectory
from qgf_sim.simulation import FloatArray, JointState, Pose
from qgf_sim.stand import Episode

BILLION = 1_000_000_000


def to_stamp(time_ns: int) -> Time:
    """Nanoseconds as a stamp."""
    return Time(sec=time_ns // BILLION, nanosec=time_ns % BILLION)


def from_stamp(stamp: Time) -> int:
    """A stamp (or a duration) in nanoseconds."""
    return int(stamp.sec) * BILLION + int(stamp.nanosec)


def joint_state(state: JointState, stamp: Time, order: Sequence[int]) -> JointStateMessage:
    """The joints in the given order; where there are fewer values than names, the last ones are left out."""

    def ordered(values: FloatArray) -> array[float]:
        return array("d", [float(values[index]) for index in order if index < len(values)])

    message = JointStateMessage(name=[state.names[index] for index in order])
    message.header.stamp = stamp
    message.position = ordered(state.positions)
    message.velocity, message.effort = ordered(state.velocities), ordered(state.efforts)
    return message


def pose(value: Pose, stamp: Time) -> PoseStamped:
    """A pose in its frame."""
    message = PoseStamped()
    message.header.stamp, message.header.frame_id = stamp, value.frame
    x, y, z = value.position.tolist()
    message.pose.position.x, message.pose.position.y, message.pose.position.z = x, y, z
    w, qx, qy, qz = value.quat_wxyz.tolist()
    attitude = message.pose.orientation
    attitude.w, attitude.x, attitude.y, attitude.z = w, qx, qy, qz
    return message


def trajectory(message: JointTrajectory) -> Trajectory:
    """A trajectory message as plain values."""
    points = [
        Point(
            from_stamp(point.time_from_start),
            tuple(point.positions),
            tuple(point.velocities),
            tuple(point.accelerations),
        )
        for point in message.points
    ]
    return Trajectory(tuple(message.joint_names), from_stamp(message.header.stamp), tuple(points))


def shifted(value: Trajectory, by_ns: int) -> Trajectory:
    """The trajectory with its stamp moved."""
    return replace(value, stamp_ns=value.stamp_ns + by_ns)


def status(episode: Episode, node: Mapping[str, object], problem: str) -> DiagnosticStatus:
    """How the episode stands, with the node's own values and what is wrong, if anything. Numbers are unrounded."""
    values = {
        "task": episode.task,
        "seed": episode.seed,
        "step": episode.step,
        "time_s": episode.time_s,
        "reward": episode.reward,
        "return": episode.total_reward,
        "success": episode.success,
        "done": episode.done,
        **node,
    }
    texts = {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()
    }
    pairs = [KeyValue(key=key, value=text) for key, text in texts.items()]
    level = DiagnosticStatus.WARN if problem else DiagnosticStatus.OK
    message = problem or ("done" if episode.done else "running")
    return DiagnosticStatus(level=level, name="sim_node: episode", message=message, values=pairs)


def commands(certificate: DiagnosticStatus) -> int:
    """How many commands a certificate says were published at its tick.

    Raises:
        KeyError: it does not say.
    """
    return int({pair.key: pair.value for pair in certificate.values}["commands"])
