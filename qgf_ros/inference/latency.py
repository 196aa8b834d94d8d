"""How long things took: the last thousand figures and their quantiles."""

from __future__ import annotations

from collections import deque

import numpy as np

KEPT = 1000


class LatencyLog:
    """State: the newest `KEPT` figures in ms, the count and the worst of all."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=KEPT)
        self.count = 0
        self.worst_ms = 0.0

    def add(self, latency_ms: float) -> None:
        """Notes one figure."""
        self._recent.append(latency_ms)
        self.count += 1
        self.worst_ms = max(self.worst_ms, latency_ms)

    def quantile_ms(self, fraction: float) -> float:
        """The quantile of the newest figures, ms; nan while there are none."""
        return float(np.quantile(self._recent, fraction)) if self._recent else float("nan")
