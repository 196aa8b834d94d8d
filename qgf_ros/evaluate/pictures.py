"""Pictures of recorded episodes, by matplotlib: where cube and tool went, and how far the cube was from its goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from qgf_ros.datatypes import FloatArray

GUIDED, UNGUIDED, GOAL, TOOL, ANY = "#1b7f5c", "#c2513a", "#2b4c7e", "#8a8f98", "#33363b"
MARGIN_M = 0.06


@dataclass(frozen=True)
class Episode:
    """What is drawn of one episode: paths (M, 4) of seconds and x, y, z in m; the tool's where the contract has one."""

    seed: int
    success: bool
    thing: FloatArray
    goal: FloatArray
    tool: FloatArray


def draw_episodes(
    rows: Mapping[str, Sequence[Episode]], title: str, path: Path, goal_radius_m: float | None
) -> None:
    """One picture: a top view for each row (`unguided`, `guided`, ...), and the distance to the goal over time for all.

    `goal_radius_m`, where it is known, is the distance at which the thing counts as being in place. Episodes without a path are left out; without any, no picture is written.
    """
    rows = {name: [episode for episode in found if len(episode.thing)] for name, found in rows.items()}
    episodes = [episode for found in rows.values() for episode in found]
    if not episodes:
        return
    limits = _limits(episodes)
    figure = Figure(figsize=(12.5, 3.3 * len(rows) + 0.9), dpi=130, layout="constrained")
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    grid = figure.add_gridspec(len(rows), 2, width_ratios=[1.0, 1.1])
    for place, (name, found) in enumerate(rows.items()):
        _draw_top_view(figure.add_subplot(grid[place, 0]), name, found, limits, goal_radius_m)
    _draw_distances(figure.add_subplot(grid[:, 1]), rows, goal_radius_m)
    figure.legend(
        handles=_legend(goal_radius_m), loc="outside lower center", ncols=6, fontsize=9, frameon=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _colour(name: str) -> str:
    return GUIDED if name == "guided" else UNGUIDED


def _limits(episodes: Sequence[Episode]) -> tuple[FloatArray, FloatArray]:
    points = np.concatenate(
        [part[:, 1:3] for episode in episodes for part in (episode.thing, episode.goal, episode.tool)]
    )
    return points.min(axis=0) - MARGIN_M, points.max(axis=0) + MARGIN_M


def _draw_top_view(
    axes: Axes,
    name: str,
    episodes: Sequence[Episode],
    limits: tuple[FloatArray, FloatArray],
    goal_radius_m: float | None,
) -> None:
    """x points up and y to the left, as seen from above by someone behind the robot (REP 103)."""
    colour, reached = _colour(name), sum(episode.success for episode in episodes)
    for episode in episodes:
        axes.plot(episode.tool[:, 2], episode.tool[:, 1], color=TOOL, linewidth=0.7, alpha=0.45, zorder=1)
        axes.plot(episode.thing[:, 2], episode.thing[:, 1], color=colour, linewidth=2.0, alpha=0.8, zorder=3)
        start, end = episode.thing[0], episode.thing[-1]
        axes.plot(start[2], start[1], "s", color="white", markeredgecolor=colour, markersize=7, zorder=4)
        axes.plot(
            end[2],
            end[1],
            "o" if episode.success else "X",
            color=colour,
            markeredgecolor="white",
            markersize=9,
            zorder=5,
        )
        if len(episode.goal):
            _draw_goal(axes, episode.goal[-1], goal_radius_m, alpha=0.10 / len(episodes) + 0.02)
    axes.set_title(
        f"{name}: {reached} of {len(episodes)} at the goal", color=colour, loc="left", fontweight="bold"
    )
    axes.set_xlim(limits[1][1], limits[0][1])
    axes.set_ylim(limits[0][0], limits[1][0])
    axes.set_aspect("equal")
    axes.set_xlabel("y (m), left is positive")
    axes.set_ylabel("x (m), ahead")
    axes.grid(color="#e6e8eb", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_goal(axes: Axes, goal: FloatArray, radius_m: float | None, alpha: float) -> None:
    _, x, y, _ = goal
    axes.plot(y, x, "+", color=GOAL, markersize=8, zorder=6)
    if radius_m is not None:
        axes.add_patch(Circle((y, x), radius_m, facecolor=GOAL, alpha=alpha, zorder=0))
        axes.add_patch(Circle((y, x), radius_m, fill=False, edgecolor=GOAL, linewidth=1.2, zorder=2))


def _legend(goal_radius_m: float | None) -> list[Line2D]:
    def mark(marker: str, label: str, face: str, edge: str) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="none",
            marker=marker,
            color=face,
            markeredgecolor=edge,
            markersize=8,
            label=label,
        )

    return [
        Line2D([], [], color=ANY, linewidth=2, label="way of the thing"),
        Line2D([], [], color=TOOL, linewidth=1, label="way of the tool, as commanded"),
        mark("s", "start", "white", ANY),
        mark("o", "end, at the goal", ANY, ANY),
        mark("X", "end, elsewhere", ANY, ANY),
        mark(
            "+", "goal" if goal_radius_m is None else f"goal, within {goal_radius_m * 100:g} cm", GOAL, GOAL
        ),
    ]


def _draw_distances(axes: Axes, rows: Mapping[str, Sequence[Episode]], goal_radius_m: float | None) -> None:
    for name, episodes in rows.items():
        for number, episode in enumerate(episodes):
            label = name if number == 0 else None
            seconds, metres = distance(episode)
            axes.plot(seconds, metres * 100, color=_colour(name), linewidth=1.6, alpha=0.75, label=label)
            if len(metres):
                axes.plot(
                    seconds[-1],
                    metres[-1] * 100,
                    "o" if episode.success else "X",
                    color=_colour(name),
                    markersize=6,
                )
    if goal_radius_m is not None:
        axes.axhline(goal_radius_m * 100, color=GOAL, linewidth=1.0, linestyle="--")
        axes.annotate(
            "in place ",
            (1.0, goal_radius_m * 100),
            (0, 2),
            ("axes fraction", "data"),
            "offset points",
            color=GOAL,
            ha="right",
            fontsize=8,
        )
    axes.set_title("distance to the goal", loc="left", fontweight="bold")
    axes.set_xlabel("seconds since the first command")
    axes.set_ylabel("cm")
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)
    axes.grid(color="#e6e8eb", linewidth=0.6)
    axes.legend(loc="upper right", fontsize=9)


def distance(episode: Episode) -> tuple[FloatArray, FloatArray]:
    """Seconds (M,) and the thing's distance to its goal (M,) in m; empty where no goal was seen."""
    if not len(episode.goal) or not len(episode.thing):
        return np.zeros(0), np.zeros(0)
    return episode.thing[:, 0], np.linalg.norm(episode.thing[:, 1:] - episode.goal[-1, 1:], axis=1)
