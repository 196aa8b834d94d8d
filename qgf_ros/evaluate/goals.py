"""The goals of simulated tasks: a task's own, and, as a control, that of another task of its family."""

from __future__ import annotations

from functools import cache

import qgf_sim
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import ContractError
from qgf_ros.evaluate.robot import load_simulation


def goal_of(contract: Contract, simulation: qgf_sim.Simulation) -> FloatArray:
    """The goal (G,) of the present episode, m. Raises ContractError where the task has none."""
    goal = simulation.goal()
    if goal is None:
        problem = f"the task {simulation.task} has no goal, and the contract's critic must be told one"
        raise ContractError(contract.path, problem, "take a task with a single goal, such as SCENE-task1")
    return goal.position


def other_goal(contract: Contract, task: str, seed: int) -> FloatArray:
    """The goal (G,) of another task of the same family, m: which one is told by `seed`. Raises ContractError where there is none."""
    family = task.rstrip("0123456789")
    others = [name for name in qgf_sim.available() if name.startswith(family) and name != task]
    if not others or family == task:
        raise ContractError(contract.path, f"the task {task} has no others beside it", "take one of a family")
    return goal_of(contract, _at_its_start(others[seed % len(others)])).copy()


@cache
def _at_its_start(task: str) -> qgf_sim.Simulation:
    simulation = load_simulation(task)
    simulation.reset(0)
    return simulation
