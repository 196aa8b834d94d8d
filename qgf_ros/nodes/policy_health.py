"""What the policy node tells on /diagnostics: its inputs, its inference, its guidance."""

from __future__ import annotations

import time

from qgf_ros.contract.schema import Contract
from qgf_ros.inference.latency import LatencyLog
from qgf_ros.inference.proposer import Proposer, Timed
from qgf_ros.nodes.diagnostics import Diagnostics, Level, Rate

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
        self._warm_ms = float("nan")
        self._device = ""
        self._slow_ms = float("inf")

    def configured(self, contract: Contract, device: str, warm_ms: float) -> None:
        """The node loaded its policy; latencies count anew."""
        names = [*(entry.name for entry in contract.interface.inputs), CERTIFICATES]
        self._rates = {name: Rate(time.monotonic_ns()) for name in names}
        self._latency, self._warm_ms, self._device = LatencyLog(), warm_ms, device
        self._slow_ms = contract.interface.control_period_s * 1e3
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

    def proposed(self, timed: Timed, target_weight: float) -> None:
        """A chunk was sent."""
        self._refusal = ""
        self._latency.add(timed.latency_ms)
        report = timed.proposal.report
        values = {
            "weight": report.weight,
            "weight_target": target_weight,
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
        """Renews `inputs` and `inference`; about once a second."""
        self._report_inputs(proposer, now_ns)
        if not has_failed:
            self._report_inference()

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

    def _report_inference(self) -> None:
        log = self._latency
        p99_ms = log.quantile_ms(0.99)
        values = {
            "latency_p50_ms": log.quantile_ms(0.5),
            "latency_p99_ms": p99_ms,
            "latency_worst_ms": log.worst_ms,
            "chunks": log.count,
            "warm_up_ms": self._warm_ms,
            "device": self._device,
        }
        slow = p99_ms > self._slow_ms
        words = f"slower than a control period of {self._slow_ms:g} ms" if slow else "in time"
        self._diagnostics.report(
            "inference", Level.WARN if slow else Level.OK, words if log.count else "no chunk yet", values
        )
