"""Every reason code that a command, a certificate or a refusal of the command node can bear, with its verdict and meaning.

docs/safety.md lists the same codes; test/test_safety_page.py compares the two, test/control/test_reasons.py this table with the code.
"""

from __future__ import annotations

from dataclasses import dataclass

from qgf_ros.datatypes import Finding, Verdict


@dataclass(frozen=True)
class Reason:
    """What follows from it (a tool that cannot be slowed enough is clamped), and what it means in one sentence.

    Without a verdict nothing was wrong with the command: the operator wants rest, or a call was refused and changed nothing.
    """

    verdict: Verdict | None
    sentence: str


SLOW, CLAMP, HOLD, STOP = Verdict.SLOW, Verdict.CLAMP, Verdict.HOLD, Verdict.STOP

OPERATOR = {
    "not started": Reason(None, "The node holds the measured pose until start is called."),
    "stopped": Reason(None, "Stop was called: the arm brakes and holds until start is called."),
    "deactivated": Reason(None, "The node was deactivated: the arm brakes, then there are no commands."),
    "reset": Reason(
        None, "Reset was called: the arm brakes, then the command begins anew at the measured pose."
    ),
}
INPUTS = {
    "missing": Reason(HOLD, "No joint states have come yet."),
    "joint": Reason(HOLD, "A joint of the contract is not among the joint states."),
    "shape": Reason(HOLD, "Names and positions differ in number, or a joint is named twice."),
    "not_finite": Reason(HOLD, "A joint's position is NaN or infinite."),
    "stale": Reason(HOLD, "A joint's newest position is older than the contract allows."),
    "future": Reason(HOLD, "A joint's stamp lies more than 0.05 s in the future."),
    "frozen": Reason(HOLD, "A joint's position stayed bit-identical for 0.1 s while its command moved."),
    "units": Reason(
        HOLD, "A joint's position lies far outside the range of the data, or leapt by half a turn."
    ),
    "unsettled": Reason(None, "Joint states have not agreed for 0.05 s yet: the command has no place."),
    "away": Reason(
        HOLD,
        "The arm stands away from the command at rest: nothing is sent until reset takes the measured pose.",
    ),
    "limits": Reason(HOLD, "A joint stands outside its range; motion cannot begin there."),
    "tilted": Reason(HOLD, "The tool leans from the attitude that actions keep; motion cannot begin there."),
    "limits changed": Reason(None, "Other limits were taken, at rest: the node holds until start is called."),
    "clock": Reason(HOLD, "The node's clock went back, or ahead of the steady clock by more than 0.5 s."),
    "time_stopped": Reason(HOLD, "The node's clock has stood for 0.5 s: the simulation is paused or gone."),
    "second_publisher": Reason(HOLD, "Someone else publishes on a command topic."),
    "qos": Reason(HOLD, "A publisher's quality of service does not fit: its messages do not arrive."),
    "stalled": Reason(
        HOLD,
        "For more than a control period no command left; once the arm rests, another chunk is asked for.",
    ),
    "teleop_silent": Reason(
        HOLD,
        "A person is in command and has not answered for 0.25 s while the arm moves: once it rests, another chunk is asked for.",
    ),
    "timeout": Reason(HOLD, "In lockstep an input of a tick did not come in time."),
}
CHUNKS = {
    "chunk_names": Reason(HOLD, "A chunk's dimensions are not the contract's: its sender is broken."),
    "chunk_shape": Reason(HOLD, "A chunk has another shape than the contract's."),
    "chunk_bad_speed": Reason(HOLD, "A chunk asks for a speed outside (0, 1]."),
    "chunk_not_finite": Reason(HOLD, "A chunk holds values that are NaN or infinite."),
    "chunk_not_in_command": Reason(
        None, "A chunk came from who is not in command, policy or person; it was not played."
    ),
    "chunk_unwanted": Reason(None, "A chunk came that was not asked for; it was not played."),
    "chunk_outdated": Reason(None, "A chunk's observation is older than the request; it was not played."),
    "chunk_stale": Reason(None, "A chunk's observation is too old; it was not played, another is asked for."),
    "chunk_future": Reason(None, "A chunk's observation lies in the future; it was not played."),
    "chunk_timing": Reason(
        None,
        "A chunk's points are not evenly spaced in time, or ask for too much or too little speed; it was not played.",
    ),
    "chunk_late": Reason(None, "A chunk came when all its actions had begun; another is asked for."),
    "chunk_repeated": Reason(None, "A chunk's observation is not newer than that of the chunk in play."),
    "chunk_unreachable": Reason(
        None, "A chunk's first action cannot be had; not played, another is asked for."
    ),
    "chunk_workspace": Reason(
        None, "A chunk would end with the tool outside its box; not played, another is asked for."
    ),
    "chunk_collision": Reason(
        None, "A chunk leads into the arm or the scene; not played, another is asked for."
    ),
    "chunk_not_running": Reason(None, "A chunk came while the arm holds; it was not played."),
}
MOTION = {
    "first_run": Reason(SLOW, "Full speed has not been confirmed: the path is followed at a quarter of it."),
    "first_motion": Reason(
        SLOW, "Motion began at a pose that the data do not have, or without knowing the data."
    ),
    "speed_scaling": Reason(SLOW, "The controller says that it follows more slowly, or nothing any more."),
}
PATH = {
    "scale": Reason(SLOW, "The session asks for a slower path; why, stands beside it."),
    "chunk_speed": Reason(SLOW, "The chunk's sender asks for a slower path: its policy is in doubt."),
    "velocity": Reason(SLOW, "A joint of the arm would exceed its velocity limit on the path."),
    "tool_speed": Reason(
        SLOW, "The tool would exceed its speed limit, now or in the stop that every command must leave."
    ),
    "tool_box": Reason(
        SLOW, "The tool would leave its box, now or in the stop that every command must leave."
    ),
    "range": Reason(CLAMP, "A component of an action lay outside its range."),
    "workspace": Reason(CLAMP, "An action led the tool out of the workspace."),
    "unreachable": Reason(
        CLAMP, "No joint positions bring the tool to where an action wants it; the arm stays."
    ),
    "position": Reason(CLAMP, "A target lay beyond a joint's range."),
    "no_plan": Reason(CLAMP, "No limited motion to the target was found; the arm brakes at this tick."),
    "collision": Reason(
        HOLD,
        "At the speed that is allowed now the chunk in play leads into the arm or the scene; at rest another is asked for.",
    ),
}
STOPS = {
    "emergency": Reason(STOP, "The emergency stop was called."),
    "tracking": Reason(STOP, "A joint stood further from its command than the contract allows for 0.1 s."),
    "limiter": Reason(STOP, "No limited stop could be planned: nothing more is sent."),
    "exception": Reason(STOP, "Computing a command failed: the arm brakes from the last command."),
}
REFUSED = {
    "not_reset": Reason(None, "The command has not been placed yet."),
    "moving": Reason(None, "Limits, and the confirmation of full speed, change only at rest."),
    "unseen": Reason(None, "The arm stands where no episode of the data began, and first_motion is refuse."),
}

REASONS: dict[str, Reason] = OPERATOR | INPUTS | CHUNKS | MOTION | PATH | STOPS | REFUSED


def finding(reason: str, subject: str = "") -> Finding | None:
    """The finding that a reason amounts to, None for one without a verdict; what follows a colon is left out.

    A reason that the table lacks is a fault of ours, but no reason to fail at a tick: it counts as a hold.
    """
    code = reason.partition(":")[0]
    verdict = REASONS[code].verdict if code in REASONS else HOLD
    return None if verdict is None else Finding(verdict, code.replace(" ", "_"), subject)
