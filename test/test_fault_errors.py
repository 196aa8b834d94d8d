"""What the table of faults says where it cannot run."""

from __future__ import annotations

from qgf_ros.errors import PhaseNotReachedError, UnknownFaultError


def test_an_unknown_fault_is_answered_with_those_there_are() -> None:
    error = UnknownFaultError("gremlin", ["clock stands", "stop called"])
    assert str(error) == "No fault is called 'gremlin': there are clock stands, stop called."


def test_a_phase_that_never_came_is_named() -> None:
    error = PhaseNotReachedError("grasping", 1000)
    assert str(error).startswith("In 1000 ticks the arm never came to the phase 'grasping': does the policy")
