"""The pictures of a film without a GL library: the scene from above and from the side, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import qgf_sim
from qgf_ros.evaluate.film import FRAMES_PER_S, HEIGHT, WIDTH, Take, replay
from qgf_ros.evaluate.pictures import GOAL, GUIDED, TOOL

DPI = 80
VIEWS = ((1, 0, "from above", "y (m)", "x (m)"), (1, 2, "from the front", "y (m)", "z (m)"))
TOOL_NAME = "tool"
MARKS = {"goal": ("o", 16, GOAL), TOOL_NAME: ("P", 8, TOOL)}  # any other thing is a square
TRAIL = 40  # pictures


def draw(take: Take) -> Iterator[npt.NDArray[np.uint8]]:
    """Pictures (HEIGHT, WIDTH, 3): things as squares, goals as circles, with the way that the things came."""
    simulation = qgf_sim.load(take.task)
    ticks = round(1e9 / (FRAMES_PER_S * take.tick_ns))
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    trail: list[dict[str, npt.NDArray[np.float64]]] = []
    for tick in replay(take, simulation):
        if tick % ticks:
            continue
        trail.append({name: pose.position for name, pose in simulation.poses().items()})
        if len(take.tool):
            trail[-1][TOOL_NAME] = take.tool[max(tick - 1, 0)]
        figure.clear()
        seconds = tick * take.tick_ns * 1e-9
        figure.suptitle(f"{take.task}, seed {take.seed}: {seconds:4.1f} s", fontsize=9, x=0.02, ha="left")
        for place, view in enumerate(VIEWS):
            _draw_view(figure, place, view, trail[-TRAIL:])
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_view(
    figure: Figure,
    place: int,
    view: tuple[int, int, str, str, str],
    trail: list[dict[str, npt.NDArray[np.float64]]],
) -> None:
    across, up, title, x_label, y_label = view
    axes = figure.add_subplot(2, 1, place + 1)
    for name, position in trail[-1].items():
        is_goal = name == "goal"
        if not is_goal:
            way = np.array([entry[name] for entry in trail])
            axes.plot(way[:, across], way[:, up], color=TOOL, linewidth=1)
        marker, size, colour = MARKS.get(name, ("s", 11, GUIDED))
        axes.plot(
            position[across],
            position[up],
            marker,
            markersize=size,
            markerfacecolor="none" if is_goal else colour,
            markeredgecolor=colour,
        )
    axes.set_xlim(0.4, -0.4)
    axes.set_ylim((0.2, 0.65) if up == 0 else (0.0, 0.45))
    axes.set_aspect("equal")
    axes.set_title(title, fontsize=8, loc="left")
    axes.set_xlabel(x_label, fontsize=7)
    axes.set_ylabel(y_label, fontsize=7)
    axes.tick_params(labelsize=6)
    axes.grid(color="#e6e8eb", linewidth=0.5)
