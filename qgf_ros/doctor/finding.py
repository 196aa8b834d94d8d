"""What a check says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """OK; WARN: it works, but may be late, crowded or not private; FAIL: the graph will not run here."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to change where it is not OK."""

    name: str
    state: State
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Finding:
    """A check that found nothing to change."""
    return Finding(name, State.OK, found)


def warn(name: str, found: str, advice: str) -> Finding:
    """A check that found something worth changing."""
    return Finding(name, State.WARN, found, advice)


def fail(name: str, found: str, advice: str) -> Finding:
    """A check that found something that must be changed."""
    return Finding(name, State.FAIL, found, advice)


def tried(name: str, check: Callable[[], Finding]) -> Finding:
    """The finding of a check; one that breaks is a finding too, never a traceback."""
    try:
        return check()
    except Exception as error:
        found = f"could not be looked at: {type(error).__name__}: {' '.join(str(error).split())}"
        return warn(name, found, "look at it by hand")
