"""What the policy node reads from certificates and tells of its chunks."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.inference.demand import Demand
from qgf_ros.inference.proposer import Proposer, Timed
from qgf_ros.nodes.convert import to_stamp
from qgf_ros.nodes.diagnostics import Level, status, values
from qgf_ros.nodes.params import Value


def demand(certificate: DiagnosticArray) -> Demand:
    """What a certificate of the command node asks for."""
    found = values(certificate.status[0])
    return Demand(
        stamp_ns=stamp_ns(certificate.header.stamp),
        wants_chunk=found["wants_chunk"] == "true",
        wanted_from_ns=int(found["wanted_from_ns"]),
        chunk_stamp_ns=int(found["chunk_stamp_ns"]),
    )


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


def described(parameters: Mapping[str, Value], proposer: Proposer | None) -> dict[str, object]:
    """What ~/status tells beside the state: the episode's seed and how chunks are sampled."""
    found: dict[str, object] = {name: parameters[name] for name in ("contract", "checkpoint", "seed")}
    if proposer is not None:
        found["weight"] = proposer.ramp.target
        found["estimator"] = proposer.sampler.estimator.value
        found["denoise_steps"] = proposer.sampler.denoise_steps
        found["candidates"] = proposer.sampler.candidates
    return found
