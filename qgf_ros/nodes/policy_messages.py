"""What the policy node reads from certificates and tells of its chunks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.datatypes import FloatArray, Sender
from qgf_ros.inference.caution import Alert
from qgf_ros.inference.demand import Demand
from qgf_ros.inference.policy import NOTHING
from qgf_ros.inference.proposer import Proposer, Timed
from qgf_ros.inference.timely import Ending
from qgf_ros.nodes.convert import to_stamp
from qgf_ros.nodes.diagnostics import Level, status, values
from qgf_ros.nodes.params import Value


class State(Enum):
    """What the node is doing; it proposes only when ACTIVE."""

    UNCONFIGURED = "unconfigured"
    INACTIVE = "inactive"
    ACTIVE = "active"
    STOPPED = "stopped"  # by ~/stop
    ERROR = "error"  # inference failed: ~/reset or a new activation tries again


def demand(certificate: DiagnosticArray, sender: Sender = Sender.POLICY) -> Demand | None:
    """What a certificate of the command node asks of `sender`; None where the message is no certificate."""
    try:
        found = values(certificate.status[0])
        return Demand(
            stamp_ns=stamp_ns(certificate.header.stamp),
            wants_chunk=found["wants_chunk"] == "true" and found.get("in_command", "policy") == sender.value,
            wanted_from_ns=int(found["wanted_from_ns"]),
            chunk_stamp_ns=int(found["chunk_stamp_ns"]),
            begun=int(found.get("begun", 0)),
            horizon=int(found.get("horizon", 0)),
            delay=int(found.get("delay", 0)),
            check_s=float(found.get("check_s", 0.0)),
        )
    except (IndexError, KeyError, ValueError):
        return None


def report(name: str, timed: Timed) -> DiagnosticArray:
    """How an attempt at a chunk went: one status, stamped as its observation."""
    attempt, stamp_ns = timed.attempt, timed.observation.stamp_ns
    found: dict[str, object] = {
        "stamp_ns": stamp_ns,
        "observation": timed.observation.digest,
        "readings": " ".join(f"{name}:{stamp}" for name, stamp in timed.stamps_ns.items()),
        "seed": timed.seed,
        "index": timed.index,
        "latency_ms": timed.latency_ms,
        "weight_target": timed.weight_target,
        "committed": timed.committed,
        "level": attempt.plan.level.value,
        "ending": attempt.ending.value,
        "sent": attempt.ending.is_sent,
        "late": attempt.ending in (Ending.LATE, Ending.TOO_LATE),
        "cut": attempt.is_cut,
        "reached_time": attempt.reached_time,
        "budget_ms": attempt.budget_s * 1e3,
        "expected_ms": attempt.plan.expected_s * 1e3,
        "spent_ms": attempt.spent_s * 1e3,
    }
    if timed.alert is not None:
        found |= alert_values(timed.alert)
    if timed.goal is not None:
        found["goal"] = _place(timed.goal)
    found |= vars(attempt.proposal.report if attempt.proposal is not None else NOTHING)
    troubles = [] if attempt.ending is Ending.IN_TIME else [attempt.ending.value]
    if timed.alert is not None and timed.alert.is_cautious:
        troubles.append(timed.alert.in_words)
    is_well = not troubles
    words = ": ".join([f"chunk {timed.index}", *troubles])
    message = DiagnosticArray(status=[status(name, Level.OK if is_well else Level.WARN, words, found)])
    message.header.stamp = to_stamp(stamp_ns)
    return message


def alert_values(alert: Alert) -> dict[str, object]:
    """What the detector found at a chunk, for a status."""
    return {
        "novelty": alert.score,
        "novelty_subject": alert.subject,
        "flagged": alert.flagged,
        "guidance_share": alert.share,
        "speed": alert.speed,
    }


def _place(goal: FloatArray) -> str:
    """A goal in a status, m."""
    return " ".join(f"{value:g}" for value in goal)


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
        if proposer.goal is not None:
            found["goal"] = _place(proposer.goal.position)
    level = (Level.WARN if state is State.ACTIVE else Level.ERROR) if reason else Level.OK
    return status(name, level, reason or state.value, found)
