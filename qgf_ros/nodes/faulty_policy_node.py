"""The policy node with an engine that fails when it is told to, on ~/fault: `memory`, `error`, or `stall SECONDS`.

It ships, though it is made to fail: `qgf faults --process` shows a user on their own computer what a failing engine does to the arm, and
starts this one. Nothing else starts it: it is no executable of the package and stands in no graph.
"""

from __future__ import annotations

import time
from functools import partial

from std_msgs.msg import String

from qgf_ros.inference.engines.engine import Engine, Question, Sample
from qgf_ros.nodes import qos
from qgf_ros.nodes.policy import PolicyNode
from qgf_ros.nodes.policy_setup import make_setup
from qgf_ros.nodes.runtime import run


class FaultyEngine:
    """Another engine's samples. State: the fault that its next sample has."""

    def __init__(self, engine: Engine, fault: list[str]) -> None:
        """`fault` holds at most one, and is emptied when it strikes."""
        self._engine, self._fault = engine, fault

    @property
    def description(self) -> str:
        """As the other engine's."""
        return self._engine.description

    def sample(self, question: Question) -> Sample:
        """The other engine's sample, or the fault. Raises MemoryError, RuntimeError where that is the fault."""
        kind, _, seconds = self._fault.pop().partition(" ") if self._fault else ("", "", "")
        if kind == "memory":
            raise MemoryError("as it was told to")
        if kind == "error":
            raise RuntimeError("the engine failed, as it was told to")
        if kind == "stall":
            time.sleep(float(seconds))
        return self._engine.sample(question)


class FaultyPolicyNode(PolicyNode):
    """As the policy node, and hears ~/fault."""

    def __init__(self) -> None:
        self._fault: list[str] = []
        super().__init__(partial(make_setup, adapt=lambda engine: FaultyEngine(engine, self._fault)))
        self.create_subscription(String, "~/fault", self._on_fault, qos.STATUS)

    def _on_fault(self, message: String) -> None:
        self._fault[:] = [message.data]


if __name__ == "__main__":
    raise SystemExit(run(FaultyPolicyNode))
