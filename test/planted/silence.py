"""Violations by ticks that send nothing."""

from __future__ import annotations

from dataclasses import replace

from verified_world import Certified, Command, Executed

from planted.tape import Tape, runs
from qgf_ros.certificate import Certificate


def silence_in_motion(tape: Tape) -> None:
    """The last command is at speed; from then on ticks are certified that hold, without a command."""
    place = tape.choose(runs)
    kept, later = tape.entries[: place + 1], tape.entries[place + 1 :]
    quiet = [
        replace(entry, certificate=without_command(entry.certificate))
        if isinstance(entry, Certified)
        else entry
        for entry in later
        if not isinstance(entry, Command | Executed)
    ]
    tape.entries = kept + quiet


def without_command(certificate: Certificate) -> Certificate:
    """The certificate of a tick that has none, and holds."""
    kept = (
        "sequence",
        "missed",
        "clock_leaps",
        "checks",
        "joint_ages_s",
        "limits",
        "contract",
        "horizon",
        "delay",
    )
    return Certificate(
        rung="hold",
        reason="stale",
        **{name: vars(certificate)[name] for name in kept},
    )
