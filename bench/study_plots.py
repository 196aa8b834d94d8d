"""What the programs that draw studies share: which files, the words of their tables, how a picture is written."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from outcomes import Cells, Outcome, load_cells

from qgf_ros.evaluate.compare import Difference, Rate, paired_difference

ROOT = Path(__file__).parent.parent


def plot_options(
    about: str | None, arguments: Sequence[str] | None, study: str, drawn: Path
) -> argparse.Namespace:
    """What a program that draws a study is told: `json`, the study's figures, and `out`, where its drawing goes."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, default=ROOT / f"docs/studies/{study}.json")
    parser.add_argument("--out", type=Path, default=drawn)
    return parser.parse_args(arguments)


def draw_and_print(
    about: str | None,
    arguments: Sequence[str] | None,
    study: str,
    draw: Callable[[Cells, Path], None],
    table: Callable[[Cells], str],
) -> None:
    """The whole program of a study that has one picture and one table."""
    options = plot_options(about, arguments, study, ROOT / f"docs/images/{study}.png")
    cells = load_cells(options.json)
    draw(cells, options.out)
    print(table(cells))


def write_picture(figure: Figure, path: Path) -> None:
    """Writes a figure, its parts moved so that no words overlap."""
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def rate_in_words(found: Rate) -> str:
    """A rate with its interval and the number of episodes."""
    return f"{found.success:.2f} [{found.interval[0]:.2f}, {found.interval[1]:.2f}] of {found.episodes}"


def success_gain(ours: list[Outcome], theirs: list[Outcome]) -> Difference | None:
    """Success of ours minus theirs over the seeds that both have; None where they have none in common."""
    pairs = min(len(ours), len(theirs))
    if pairs == 0:
        return None
    return paired_difference(
        *([float(outcome["success"]) for outcome in cell[:pairs]] for cell in (ours, theirs))
    )


def points_in_words(found: Difference) -> str:
    """A difference of rates in points, with its interval."""
    low, high = found.interval
    return f"{100 * found.mean:+.0f} [{100 * low:+.0f}, {100 * high:+.0f}]"
