"""What the policy node reads from certificates and tells of its chunks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.schema import Message
from qgf_ros.inference.demand import Demand
from qgf_ros.inference.proposer import Proposer, Timed
from qgf_ros.nodes.convert import to_stamp
from qgf_ros.nodes.diagnostics import Level, status, values
from qgf_ros.nodes.params import Value

MESSAGE_TYPES: dict[Message, Any] = {
    Message.JOINT_STATE: JointState,
    Message.POSE: PoseStamped,
    Message.COMMAND: JointTrajectory,
}


class State(Enum):
    """What the node is doing; it proposes only when ACTIVE."""

    UNCONFIGURED = "unconfigured"
    INACTIVE = "inactive"
    ACTIVE = "active"
    STOPPED = "stopped"  # by ~/stop
    ERROR = "error"  # inference failed: ~/reset or a new activation tries again


def demand(certificate: DiagnosticArray) -> Demand | None:
    """What a certificate of the command node asks for; None where the message is no certificate."""
    try:
        found = values(certificate.status[0])
        return Demand(
            stamp_ns=stamp_ns(certificate.header.stamp),
            wants_chunk=found["wants_chunk"] == "true",
            wanted_from_ns=int(found["wanted_from_ns"]),
            chunk_stamp_ns=int(found["chunk_stamp_ns"]),
        )
    except (IndexError, KeyError, ValueError):
        return None


def report(name: str, timed: Timed, target_weight: float) -> DiagnosticArray:
    """How a chunk came about: one status, stamped as the chunk; `weight_target` is where a ramp leads."""
    found: dict[str, object] = {
        "stamp_ns": timed.proposal.chunk.stamp_ns,
        "seed": timed.seed,
        "index": timed.index,
        "latency_ms": timed.latency_ms,
        "weight_target": target_weight,
    }
    found |= vars(timed.proposal.report)
    message = DiagnosticArray(status=[status(name, Level.OK, f"chunk {timed.index}", found)])
    message.header.stamp = to_stamp(timed.proposal.chunk.stamp_ns)
    return message


def state_status(
    name: str, state: State, reason: str, parameters: Mapping[str, Value], proposer: Proposer | None
) -> DiagnosticStatus:
    """What ~/status tells: the state and why, the episode's seed, and how chunks are sampled."""
    found: dict[str, object] = {"state": state.value, "proposing": state is State.ACTIVE}
    found |= {key: parameters[key] for key in ("contract", "checkpoint", "seed")}
    if proposer is not None:
        found["weight"] = proposer.ramp.target
        found["estimator"] = proposer.sampler.estimator.value
        found["denoise_steps"] = proposer.sampler.denoise_steps
        found["candidates"] = proposer.sampler.candidates
    level = (Level.WARN if state is State.ACTIVE else Level.ERROR) if reason else Level.OK
    return status(name, level, reason or state.value, found)
