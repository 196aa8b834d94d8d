"""Violations of what a certificate says in words: checks, findings, clipped targets, the path's speed."""

from __future__ import annotations

from dataclasses import replace

from planted.tape import Tape, plays


def no_checks(tape: Tape) -> None:
    """Nothing ran, all the time."""
    tape.restate_from(0, lambda entry: replace(entry, checks=()))


def a_check_left_out(tape: Tape) -> None:
    """One of those that every command needs."""
    place = tape.choose()
    checks = tape.certificate(place).checks
    left = checks[int(tape.rng.integers(0, 7))]
    tape.restate(place, checks=tuple(name for name in checks if name != left))


def an_unknown_reason(tape: Tape) -> None:
    tape.restate(tape.choose(), findings=("slow:because",))


def a_finding_cut_short(tape: Tape) -> None:
    place = tape.choose(plays)
    tape.restate(place, findings=(*tape.certificate(place).findings, "slow"))


def a_false_count_of_clamps(tape: Tape) -> None:
    place = tape.choose()
    tape.restate(place, clipped=tape.certificate(place).clipped + 1)


def an_unknown_refusal(tape: Tape) -> None:
    tape.restate(tape.choose(), refused="chunk_of_bad_taste")


def too_fast_a_path(tape: Tape) -> None:
    tape.restate(tape.choose(), speed=1.5)


def slow_for_no_reason(tape: Tape) -> None:
    """The path nearly stands, and nobody asked for it."""
    place = tape.choose(lambda entry: plays(entry) and not entry.findings)
    tape.restate(place, speed=0.01)
