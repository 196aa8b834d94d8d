"""Violations of the limits in force, and of those of the tool."""

from __future__ import annotations

from dataclasses import replace

from verified_world import Command, Limits

from planted.tape import NoPlace, Tape, runs
from qgf_ros.verify.bounds import digest_of


def tool_outside(tape: Tape) -> None:
    """The limits in force are tightened at rest, as they may be; but the tool stands outside its box."""
    stated = _stated(tape)
    tighter = stated | {"tool.box_upper": "0.05 0.05 0.05", "tool.box_lower": "0.0 0.0 0.0"}
    _under(tape, tighter)


def tool_too_fast(tape: Tape) -> None:
    stated = _stated(tape)
    _under(tape, stated | {"tool.speed": "0.0001"})


def a_plan_out_of_the_tools_box(tape: Tape) -> None:
    """The command keeps a box of a millimetre, the plan that is sent with it does not."""
    x, y, z, _ = tape.certificate(_plan(tape)).tool
    box = {
        "tool.box_lower": f"{x - 0.001} {y - 0.001} {z - 0.001}",
        "tool.box_upper": f"{x + 0.001} {y + 0.001} {z + 0.001}",
    }
    _under(tape, _stated(tape) | box)


def a_plan_too_fast_for_the_tool(tape: Tape) -> None:
    """The command is slow enough, the plan that is sent with it gets faster."""
    *_, speed = tape.certificate(_plan(tape)).tool
    _under(tape, _stated(tape) | {"tool.speed": f"{1.001 * speed}"})


def _plan(tape: Tape) -> int:
    """The place of a tick that sends a trajectory, begun not long ago: the arm gets faster."""
    place = tape.choose(lambda entry: runs(entry) and max(map(abs, entry.accelerations[:6])) > 1.0)
    command = tape.entries[tape.tick(place)[0]]
    if not (isinstance(command, Command) and len(command.later) > 4):
        raise NoPlace
    return place


def _stated(tape: Tape) -> dict[str, str]:
    return next(entry for entry in tape.entries if isinstance(entry, Limits)).texts


def weaker_limits(tape: Tape) -> None:
    """Stated and kept to, consistently: but the contract does not allow them."""
    stated = _stated(tape)
    joint = tape.contract.interface.joints[tape.joint()]
    _under(tape, stated | {f"{joint}.velocity": "9.0"})


def unknown_limits(tape: Tape) -> None:
    tape.restate(tape.choose(), limits="0123456789ab")


def limits_change_in_motion(tape: Tape) -> None:
    stated = _stated(tape)
    joint = tape.contract.interface.joints[tape.joint()]
    texts = stated | {f"{joint}.start_error": "0.05"}
    tape.entries.insert(1, Limits(texts))
    tape.restate(tape.choose(runs), limits=digest_of(texts))


def _under(tape: Tape, texts: dict[str, str]) -> None:
    """The whole run under these limits, as if they had been stated at its beginning."""
    tape.entries.insert(1, Limits(texts))
    tape.restate_from(0, lambda entry: replace(entry, limits=digest_of(texts)) if entry.commands else entry)
