"""Turns the newest message on the goal's topic into the goal that a critic is told."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, PoseReading
from qgf_ros.errors import ObservationRefused

REASON = "goal"


def stated_goal(contract: Contract, reading: PoseReading | None) -> FloatArray:
    """The goal (G,), m, in the frame of the contract's term. A goal does not age.

    Raises:
        ObservationRefused: reason `goal`: none came yet, or it is in another frame, or its numbers are not finite.
    """
    wanted, topic = contract.goal_input, contract.deployment.goal
    assert wanted is not None, "asked for a contract with goals"
    assert topic is not None, "a contract with goals names their topic"
    if reading is None:
        sentence = f"No goal came yet on '{topic.topic}': the critic must be told where the task ends."
        raise ObservationRefused(REASON, sentence)
    if reading.frame != wanted.frame:
        sentence = f"The goal on '{topic.topic}' is in frame '{reading.frame}'; the contract accepts '{wanted.frame}'."
        raise ObservationRefused(REASON, sentence)
    if not np.isfinite(reading.position).all():
        sentence = f"The goal on '{topic.topic}' is not finite: {reading.position.tolist()}."
        raise ObservationRefused(REASON, sentence)
    return reading.position
