"""Progress bars with rate and remaining time; plain lines where the output is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tqdm import tqdm

LINE_EVERY_S = 15.0
Report = Callable[[int, Mapping[str, float]], None]


@contextmanager
def counted_progress(total: int, done: int, unit: str) -> Iterator[Report]:
    """A function to call with (count done, figures to show by name)."""
    if not sys.stderr.isatty():
        yield _lines(total, done, unit)
        return
    with tqdm(total=total, initial=done, unit=unit, dynamic_ncols=True) as bar:

        def report(count: int, figures: Mapping[str, float]) -> None:
            bar.update(count - bar.n)
            bar.set_postfix({name: f"{value:.3g}" for name, value in figures.items()})

        yield report


def _lines(total: int, done: int, unit: str) -> Report:
    began = last = time.monotonic()

    def report(count: int, figures: Mapping[str, float]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < LINE_EVERY_S and count < total:
            return
        last = now
        rate = (count - done) / max(now - began, 1e-9)
        left_min = (total - count) / max(rate, 1e-9) / 60
        shown = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
        print(f"{unit} {count}/{total}  {rate:.1f}/s  {left_min:.1f} min left  {shown}", file=sys.stderr)

    return report
