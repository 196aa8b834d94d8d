"""Violations of a trajectory that is sent: what the arm would do if no command followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from verified_world import Command

from planted.tape import NoPlace, Tape, runs, with_one
from qgf_ros.verify.plan import Point


def _plan(tape: Tape) -> tuple[int, Command]:
    """The place of a trajectory of the arm while it moves."""
    place = tape.tick(tape.choose(runs))[0]
    plan = tape.entries[place]
    assert isinstance(plan, Command)
    if len(plan.later) < 4:
        raise NoPlace
    return place, plan


def a_plan_without_times(tape: Tape) -> None:
    place, plan = _plan(tape)
    later = tuple(replace(point, time_ns=0) for point in plan.later)
    tape.entries[place] = replace(plan, time_ns=0, later=later)


def a_plan_in_half_the_time(tape: Tape) -> None:
    place, plan = _plan(tape)
    begin = tape.contract.tick_ns
    later = tuple(replace(point, time_ns=begin + (point.time_ns - begin) // 2) for point in plan.later)
    tape.entries[place] = replace(plan, later=later)


def a_plan_for_later(tape: Tape) -> None:
    """It begins at a stamp, not when it comes."""
    place, plan = _plan(tape)
    tape.entries[place] = replace(plan, stamp_ns=20_000_000_000)


def a_plan_that_leaps(tape: Tape) -> None:
    """Each point keeps its limits; between two lies a hundredth of a radian too much."""
    place, plan = _plan(tape)
    joint = tape.joint()
    _move(tape, place, plan, lambda point: with_one(point.positions, joint, point.positions[joint] + 0.01))


def a_plan_that_goes_on(tape: Tape) -> None:
    """Its last point still moves."""
    place, plan = _plan(tape)
    last = replace(plan.later[-1], velocities=plan.later[0].velocities)
    tape.entries[place] = replace(plan, later=(*plan.later[:-1], last))


def one_point_at_speed(tape: Tape) -> None:
    place, plan = _plan(tape)
    tape.entries[place] = replace(plan, later=())


def _move(tape: Tape, place: int, plan: Command, moved: Callable[[Point], tuple[float, ...]]) -> None:
    """Other positions from the plan's third point on."""
    later = tuple(
        replace(point, positions=moved(point)) if number >= 2 else point
        for number, point in enumerate(plan.later)
    )
    tape.entries[place] = replace(plan, later=later)
