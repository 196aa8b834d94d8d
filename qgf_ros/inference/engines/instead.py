"""An engine that stands in for the one that was asked for, and says so. Imports no torch."""

from __future__ import annotations

from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.engines.engine import Engine, Float32, GoOn, Sample


class InsteadEngine:
    """Another engine's samples; the description names the reason, and so the log does."""

    def __init__(self, engine: Engine, reason: str) -> None:
        self._engine = engine
        self._reason = reason

    @property
    def description(self) -> str:
        """The other engine's, and one sentence why it is that one."""
        return f"{self._engine.description}. {self._reason}"

    def sample(
        self,
        observation: Float32,
        noise: Float32,
        walk: Walk,
        prefix: Prefix | None = None,
        go_on: GoOn | None = None,
    ) -> Sample:
        """See `Engine.sample`."""
        return self._engine.sample(observation, noise, walk, prefix, go_on)
