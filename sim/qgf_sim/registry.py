"""Tasks by name."""

from __future__ import annotations

from qgf_sim.simulation import Simulation

SCENES = ("cube-single", "cube-double", "scene", "puzzle-3x3")
GOALS = (1, 2, 3, 4, 5)
REACH = ("jaco-reach", "jaco-reach-play")


def available() -> tuple[str, ...]:
    """Every task name that `load` accepts: `SCENE-taskN` for a goal, `SCENE-play` for free play."""
    named = [f"{scene}-{kind}" for scene in SCENES for kind in [*(f"task{goal}" for goal in GOALS), "play"]]
    return (*named, *REACH)


def load(task: str) -> Simulation:
    """The simulation of a task, to be `reset` before use.

    Raises:
        ValueError: there is no such task; the message lists those there are.
    """
    if task not in available():
        raise ValueError(f"There is no task '{task}': available are {', '.join(available())}.")
    if task in REACH:
        from qgf_sim.reach import ReachSimulation

        return ReachSimulation(plays=task.endswith("-play"))
    from qgf_sim.manipulation import ManipulationSimulation

    scene, kind = task.rsplit("-", 1)
    return ManipulationSimulation(scene, None if kind == "play" else int(kind.removeprefix("task")))
