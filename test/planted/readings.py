"""Violations of the trust in joint states: chunks go on being played whatever the robot says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planted.tape import Tape
from qgf_ros.datatypes import JointReading


def joints_that_are_no_numbers(tape: Tape) -> None:
    _restate(tape, lambda reading: replace(reading, positions=np.full_like(reading.positions, np.nan)))


def joints_named_twice(tape: Tape) -> None:
    _restate(
        tape,
        lambda reading: replace(
            reading, names=reading.names * 2, positions=np.concatenate([reading.positions] * 2)
        ),
    )


def a_name_too_few(tape: Tape) -> None:
    _restate(tape, lambda reading: replace(reading, names=reading.names[:-1]))


def joints_far_away(tape: Tape) -> None:
    _restate(tape, lambda reading: replace(reading, positions=reading.positions + 50.0))


def joints_that_stand_still(tape: Tape) -> None:
    """Every reading says where the arm was at the beginning, under new stamps."""
    first = next(entry for entry in tape.entries if isinstance(entry, JointReading))
    _restate(tape, lambda reading: replace(reading, positions=first.positions))


def _restate(tape: Tape, change: Callable[[JointReading], JointReading]) -> None:
    tape.entries = [change(entry) if isinstance(entry, JointReading) else entry for entry in tape.entries]
