"""What the policy node tells on /diagnostics: its inputs, its inference, its guidance."""

from __future__ import annotations

import time

from qgf_ros.contract.schema import Contract
from qgf_ros.inference.ladder import LadderLog
from qgf_ros.inference.latency import LatencyLog
from qgf_ros.inference.proposer import Proposer, Timed
from qgf_ros.nodes.diagnostics import Diagnostics, Level, Rate
from qgf_ros.nodes.policy_messages import alert_values

CERTIFICATES = "certificate"


class Health:
    """State: counts since the last look, latencies, the last refusal. One thread: the executor's.

    A refusal (no observation could be made) stands in `inputs` until a chunk was sent; a failure in `inference` until the
    node is configured or activated again.
    """

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._latency = LatencyLog()
        self._rates: dict[str, Rate] = {}
        self._refusal = ""
        self._ladder = LadderLog()

    def configured(self, contract: Contract) -> None:
        """The node loaded its policy; latencies and rungs count anew."""
        names = [*(entry.name for entry in contract.interface.inputs), CERTIFICATES]
        self._rates = {name: Rate(time.monotonic_ns()) for name in names}
        self._latency, self._ladder = LatencyLog(), LadderLog()
        self._refusal = ""
        self._diagnostics.report("lifecycle", Level.OK, "configured")

    def not_configured(self, sentence: str) -> None:
        """Configuring failed."""
        self._diagnostics.report("lifecycle", Level.ERROR, sentence)

    def arrived(self, name: str) -> None:
        """A message came on an input."""
        self._rates[name].count()

    def refused(self, sentence: str, reason: str) -> None:
        """A chunk was wanted and no observation could be made."""
        self._refusal = sentence
        self._diagnostics.report("inputs", Level.ERROR, sentence, {"reason": reason})

    def failed(self, sentence: str) -> None:
        """Inference failed."""
        self._diagnostics.report("inference", Level.ERROR, sentence)

    def attempted(self, timed: Timed) -> None:
        """A chunk was sent, or could not be made in time."""
        self._ladder.add(timed.attempt)
        if timed.attempt.proposal is None or not timed.attempt.ending.is_sent:
            return
        if timed.alert is not None:
            level = Level.WARN if timed.alert.is_cautious else Level.OK
            self._diagnostics.report("novelty", level, timed.alert.in_words, alert_values(timed.alert))
        self._refusal = ""
        self._latency.add(timed.latency_ms)
        report = timed.attempt.proposal.report
        values = {
            "weight": report.weight,
            "weight_target": timed.weight_target,
            "q_first": report.q_first,
            "q_final": report.q_final,
            "guidance_norm": report.guidance_norm,
            "guided_steps": report.guided_steps,
            "candidates": report.candidates,
        }
        self._diagnostics.report(
            "guidance", Level.OK, "guided" if report.guided_steps else "unguided", values
        )

    def look(self, proposer: Proposer, now_ns: int, has_failed: bool) -> None:
        """Renews `inputs`, `inference` and `ladder`; about once a second."""
        self._report_inputs(proposer, now_ns)
        if not has_failed:
            self._report_inference(proposer)
        self._report_ladder(proposer)

    def _report_inputs(self, proposer: Proposer, now_ns: int) -> None:
        steady_ns = time.monotonic_ns()
        values: dict[str, object] = {
            f"{name}.rate_hz": round(rate.hz(steady_ns), 2) for name, rate in self._rates.items()
        }
        for name, reading in proposer.readings.items():
            values[f"{name}.age_s"] = round((now_ns - reading.stamp_ns) * 1e-9, 6)
        absent = [name for name in self._rates if name != CERTIFICATES and name not in proposer.readings]
        if self._refusal:
            self._diagnostics.report("inputs", Level.ERROR, self._refusal, values)
        elif absent:
            self._diagnostics.report(
                "inputs", Level.WARN, f"nothing arrived yet for {', '.join(absent)}", values
            )
        else:
            self._diagnostics.report("inputs", Level.OK, "all inputs are there", values)

    def _report_inference(self, proposer: Proposer) -> None:
        log = self._latency
        p99_ms, slow_ms = log.quantile_ms(0.99), proposer.budget.within_s * 1e3
        values = {
            "latency_p50_ms": log.quantile_ms(0.5),
            "latency_p99_ms": p99_ms,
            "latency_worst_ms": log.worst_ms,
            "chunks": log.count,
            "engine": proposer.policy.engine,
        }
        slow = p99_ms > slow_ms
        words = f"slower than the deadline of {slow_ms:g} ms" if slow else "in time"
        self._diagnostics.report(
            "inference", Level.WARN if slow else Level.OK, words if log.count else "no chunk yet", values
        )

    def _report_ladder(self, proposer: Proposer) -> None:
        costs, sampler = proposer.policy.costs, proposer.sampler
        known = costs.calibrated(sampler.candidates)
        values = self._ladder.values() | {
            "deadline_ms": proposer.budget.within_s * 1e3,
            "fixed_ms": known.around_s(1) * 1e3,
            "step_ms": known.step_s * 1e3,
            "guided_step_ms": known.guided_s * 1e3,
            "slowdown": costs.slowdown,
            "waiting_ms": costs.waiting_s * 1e3,
            "outside_ms": costs.outside_s * 1e3,
        }
        level = Level.WARN if self._ladder.lessened else Level.OK
        self._diagnostics.report("ladder", level, self._ladder.in_words(), values)
