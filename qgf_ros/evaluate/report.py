"""Turns episodes into the figures that a report shows: one summary a row, paired differences against unguided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from qgf_ros.datatypes import Seam
from qgf_ros.evaluate.compare import paired_difference, rate
from qgf_ros.evaluate.rollouts import Episode


def summary(episodes: Sequence[Episode]) -> dict[str, Any]:
    """Success with its interval, mean return and steps, mean Q and latency of these episodes (at least one)."""
    found = rate([episode.success for episode in episodes])
    return {
        "success": found.success,
        "interval": list(found.interval),
        "episodes": found.episodes,
        "return": float(np.mean([episode.total_reward for episode in episodes])),
        "steps": float(np.mean([episode.steps for episode in episodes])),
        "clipped_per_episode": float(np.mean([episode.clipped for episode in episodes])),
        "q_final": _number(float(np.mean([episode.q_final for episode in episodes]))),
        "latency_ms": percentiles([ms for episode in episodes for ms in episode.latencies_ms]),
        "seams": seam_summary([seam for episode in episodes for seam in episode.seams]),
        "refused_per_episode": float(np.mean([episode.refused for episode in episodes])),
        "stopped": sum(episode.stopped for episode in episodes),
        "flagged": _flagged(episodes),
    }


def seam_summary(seams: Sequence[Seam]) -> dict[str, Any]:
    """How many seams, and of each kind mean, p95 and worst: rad, rad/s, rad/s2; None without seams."""
    kinds = {
        "position_rad": [seam.position for seam in seams],
        "velocity_rad_s": [seam.velocity for seam in seams],
        "acceleration_rad_s2": [seam.acceleration for seam in seams],
    }
    found: dict[str, Any] = {"count": len(seams)}
    for kind, values in kinds.items():
        p95, worst = np.quantile(values, [0.95, 1.0]).tolist() if values else (None, None)
        found[kind] = {"mean": float(np.mean(values)) if values else None, "p95": p95, "worst": worst}
    return found


def percentiles(values_ms: Sequence[float]) -> dict[str, float | None]:
    """p50, p99 and the worst of latencies in ms; None without values."""
    if not len(values_ms):
        return {"p50": None, "p99": None, "worst": None}
    p50, p99, worst = np.quantile(np.asarray(values_ms, np.float64), [0.5, 0.99, 1.0])
    return {"p50": float(p50), "p99": float(p99), "worst": float(worst)}


def _flagged(episodes: Sequence[Episode]) -> int | None:
    """How many episodes the detector flagged; None where none was watched."""
    alerts = [episode.alert for episode in episodes if episode.alert is not None]
    return sum(alert.flagged for alert in alerts) if alerts else None


def _number(value: float) -> float | None:
    """A figure as JSON knows it: there is no nan."""
    return None if math.isnan(value) else value


def _gain(ours: Sequence[Episode], theirs: Sequence[Episode]) -> dict[str, Any]:
    """Success of ours minus theirs over the seeds that both have."""
    base = {episode.seed: float(episode.success) for episode in theirs}
    shared = [episode for episode in ours if episode.seed in base]
    gain = paired_difference(
        [float(episode.success) for episode in shared], [base[episode.seed] for episode in shared]
    )
    return {"mean": gain.mean, "interval": list(gain.interval), "pairs": gain.pairs}


def evaluation_report(episodes: Sequence[Episode], ticks_per_action: int) -> dict[str, Any]:
    """The report of an evaluation: a summary for each row under its name, and its paired gain over `unguided` and `guided`.

    `missed_commands` counts control ticks without a command, over all rows.
    """
    by_row: dict[str, list[Episode]] = {}
    for episode in sorted(episodes, key=lambda entry: entry.seed):
        by_row.setdefault(episode.row, []).append(episode)
    report: dict[str, Any] = {name: summary(found) for name, found in by_row.items()}
    for base in ("unguided", "guided"):
        for name, found in by_row.items():
            if name not in ("unguided", base) and base in by_row:
                report[name][f"gain_over_{base}"] = _gain(found, by_row[base])
    report["episodes"] = max(len(found) for found in by_row.values())
    if "guided" in report:
        report["latency_ms"] = report["guided"]["latency_ms"]
    report["missed_commands"] = sum(
        episode.steps * ticks_per_action - episode.commands for episode in episodes
    )
    return report
