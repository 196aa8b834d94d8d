"""Progress bars with rate and remaining time; plain lines where the output is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LINE_EVERY_S = 15.0
Report = Callable[[int, dict[str, float]], None]


@contextmanager
def steps_progress(total: int, done: int) -> Iterator[Report]:
    """A function to call with (steps done, figures to show)."""
    if not sys.stderr.isatty():
        yield _lines(total, done)
        return
    with tqdm(total=total, initial=done, unit="step", dynamic_ncols=True) as bar:

        def report(step: int, figures: dict[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(
                {name: f"{value:.3g}" for name, value in figures.items() if name.endswith("loss")}
            )

        yield report


def _lines(total: int, done: int) -> Report:
    began = last = time.monotonic()

    def report(step: int, figures: dict[str, float]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < LINE_EVERY_S and step < total:
            return
        last = now
        rate = (step - done) / max(now - began, 1e-9)
        shown = " ".join(f"{name} {value:.3g}" for name, value in figures.items() if name.endswith("loss"))
        print(
            f"step {step}/{total}  {rate:.0f}/s  {(total - step) / max(rate, 1e-9) / 60:.1f} min left  {shown}",
            file=sys.stderr,
        )

    return report
