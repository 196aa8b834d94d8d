"""What test_workers.py has done in other processes, which import it by its name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qgf_ros.errors import UnknownTaskError


def times(factor: int) -> Callable[[int], int]:
    """Multiplies each job."""
    return partial(multiplied, factor)


def multiplied(factor: int, job: int) -> int:
    """The product; the thirteenth job is refused."""
    if job == 13:
        raise UnknownTaskError("thirteen", ["twelve"])
    return factor * job


def unable() -> Callable[[int], int]:
    """Cannot even begin."""
    raise UnknownTaskError("nothing", ["something"])
