"""An engine for a checkpoint of many goals: whichever engine it is, it is made anew for each goal, and samples for the newest."""

from __future__ import annotations

from collections.abc import Callable

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import NoGoalError
from qgf_ros.inference.aim import aimed
from qgf_ros.inference.engines.engine import Engine, Question, Sample


def aim_of(engine: Engine) -> Callable[[FloatArray], None] | None:
    """How the engine is told a goal; None where its checkpoint has one."""
    return engine.aim if isinstance(engine, AimedEngine) else None


class AimedEngine:
    """State: the engine of the present goal, if there is one. One thread.

    Making engine cpu for a goal copies its weights: some milliseconds. Engine cuda_graph is recorded anew.
    """

    def __init__(self, checkpoint: Checkpoint, make: Callable[[Checkpoint], Engine]) -> None:
        """`make` gives the engine of a checkpoint that has one goal."""
        self._checkpoint, self._make = checkpoint, make
        self._engine: Engine | None = None

    @property
    def description(self) -> str:
        """The engine's."""
        return "no engine before the first goal" if self._engine is None else self._engine.description

    def aim(self, goal: FloatArray) -> None:
        """Samples for `goal` (G,), in the interface's units, from now on. Raises ShapeMismatch, or as the engine's maker."""
        self._engine = self._make(aimed(self._checkpoint, goal))

    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`. Raises NoGoalError before the first goal."""
        if self._engine is None:
            raise NoGoalError("Sampling")
        return self._engine.sample(question)
