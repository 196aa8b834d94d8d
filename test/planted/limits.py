"""Violations of the limits in force, and of those of the tool."""

from __future__ import annotations

from dataclasses import replace

from verified_world import Limits

from planted.tape import Tape, runs
from qgf_ros.verify.bounds import digest_of


def tool_outside(tape: Tape) -> None:
    """The limits in force are tightened at rest, as they may be; but the tool stands outside its box."""
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    tighter = stated | {"tool.box_upper": "0.05 0.05 0.05", "tool.box_lower": "0.0 0.0 0.0"}
    _under(tape, tighter)


def tool_too_fast(tape: Tape) -> None:
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    _under(tape, stated | {"tool.speed": "0.0001"})


def weaker_limits(tape: Tape) -> None:
    """Stated and kept to, consistently: but the contract does not allow them."""
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    joint = tape.contract.interface.joints[tape.joint()]
    _under(tape, stated | {f"{joint}.velocity": "9.0"})


def unknown_limits(tape: Tape) -> None:
    tape.restate(tape.choose(), limits="0123456789ab")


def limits_change_in_motion(tape: Tape) -> None:
    stated = next(entry for entry in tape.entries if isinstance(entry, Limits)).texts
    joint = tape.contract.interface.joints[tape.joint()]
    texts = stated | {f"{joint}.start_error": "0.05"}
    tape.entries.insert(1, Limits(texts))
    tape.restate(tape.choose(runs), limits=digest_of(texts))


def _under(tape: Tape, texts: dict[str, str]) -> None:
    """The whole run under these limits, as if they had been stated at its beginning."""
    tape.entries.insert(1, Limits(texts))
    tape.restate_from(0, lambda entry: replace(entry, limits=digest_of(texts)) if entry.commands else entry)
