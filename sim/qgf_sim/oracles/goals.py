"""What to do next in an OGBench task: the first thing not in place that can be put there now.

Play data need none of this, the scenes draw their own random goals. A demonstrator that shall solve a task does: cubes
lie in each other's way, a puzzle's button switches its neighbours too, and a drawer or window may be locked.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from qgf_sim.simulation import FloatArray

CUBE_EDGE_M = 0.04
ONE_UP = np.array([0.0, 0.0, CUBE_EDGE_M])  # from a cube to the one on top of it
IN_PLACE_M = 0.03  # a little less than OGBench's own 0.04 m, so that what counts as done stays done
OCCUPIED_M = 0.05  # a cube nearer than this to a place leaves no room for another
CLEARANCE_M = 0.1  # from other cubes and goals when a cube is put out of the way
DRAWER_OPEN_M = -0.16
DRAWER_LOCK, WINDOW_LOCK = 0, 1  # the button that locks each: state 0 is locked


@dataclass(frozen=True)
class Subgoal:
    """One manipulation: `kind` names the oracle (cube, button, drawer or window), `aim` what that oracle reads."""

    kind: str
    aim: dict[str, Any]


def next_subgoal(scene: Any, random: np.random.Generator) -> Subgoal | None:
    """The next thing to do in a scene in task mode; None when all is in place."""
    drawer = hasattr(scene, "_target_drawer_pos")
    if drawer:
        return _in_scene(scene)
    if hasattr(scene, "_num_buttons"):
        return _press_for(scene)
    return _cube(scene, random)


def shortest_presses(wrong: FloatArray, columns: int) -> list[int]:
    """The fewest buttons to press so that every light (rows * columns,) in `wrong` changes and no other does.

    A button switches its own light and those beside it. Raises ValueError where no set of presses does it.
    """
    count = len(wrong)
    effect = np.array(
        [[_beside(button, light, columns) for light in range(count)] for button in range(count)]
    )
    for size in range(count + 1):
        for presses in itertools.combinations(range(count), size):
            if np.array_equal(np.sum(effect[list(presses)], axis=0) % 2, wrong % 2):
                return list(presses)
    raise ValueError("no set of presses brings the lights to their goal")


def _beside(button: int, light: int, columns: int) -> bool:
    rows_apart = abs(button // columns - light // columns)
    return rows_apart + abs(button % columns - light % columns) <= 1


def _press_for(scene: Any) -> Subgoal | None:
    wrong = np.asarray(scene._cur_button_states != scene._target_button_states, np.float64)
    presses = shortest_presses(wrong, scene._num_cols)
    return _press(scene, presses[0]) if presses else None


def _press(scene: Any, button: int) -> Subgoal:
    top = scene.data.site_xpos[scene._button_site_ids[button]].copy()
    return Subgoal("button", {"privileged/target_button": button, "privileged/target_button_top_pos": top})


def _in_scene(scene: Any) -> Subgoal | None:
    """Cube first, then drawer, window and at last the locks."""
    cube, goal = _cube_places(scene)[0][0], _cube_places(scene)[1][0]
    drawer = float(scene.data.joint("drawer_slide").qpos[0])
    window = float(scene.data.joint("window_slide").qpos[0])
    into_drawer = goal[1] < scene._target_sampling_bounds[0][1] - CLEARANCE_M
    if into_drawer and not scene._is_in_drawer(cube):
        if drawer - DRAWER_OPEN_M > IN_PLACE_M:
            return _slide(scene, "drawer", DRAWER_OPEN_M, drawer, DRAWER_LOCK)
        return _place(0, scene._drawer_center)
    if not into_drawer and np.linalg.norm(cube - goal) > IN_PLACE_M:
        return _place(0, goal)
    if abs(drawer - scene._target_drawer_pos) > IN_PLACE_M:
        return _slide(scene, "drawer", scene._target_drawer_pos, drawer, DRAWER_LOCK)
    if abs(window - scene._target_window_pos) > IN_PLACE_M:
        return _slide(scene, "window", scene._target_window_pos, window, WINDOW_LOCK)
    wrong = np.flatnonzero(scene._cur_button_states != scene._target_button_states)
    return _press(scene, int(wrong[0])) if len(wrong) else None


def _slide(scene: Any, what: str, wanted: float, present: float, lock: int) -> Subgoal:
    if scene._cur_button_states[lock] == 0:
        return _press(scene, lock)
    handle = scene._drawer_site_id if what == "drawer" else scene._window_site_id
    axis = scene.data.xaxis[scene.model.joint(f"{what}_slide").id]
    aim = scene.data.site_xpos[handle] + axis * (wanted - present)
    return Subgoal(what, {f"privileged/target_{what}_handle_pos": aim})


def _place(cube: int, position: FloatArray) -> Subgoal:
    aim = {"privileged/target_block": cube, "privileged/target_block_pos": np.array(position)}
    return Subgoal("cube", aim | {"privileged/target_block_yaw": np.zeros(1)})


def _cube_places(scene: Any) -> tuple[FloatArray, FloatArray]:
    places = [scene.data.joint(f"object_joint_{index}").qpos[:3] for index in range(scene._num_cubes)]
    return np.array(places), scene.data.mocap_pos[scene._cube_target_mocap_ids].copy()


def _cube(scene: Any, random: np.random.Generator) -> Subgoal | None:
    places, goals = _cube_places(scene)
    wrong = [
        index for index in range(len(places)) if np.linalg.norm(places[index] - goals[index]) > IN_PLACE_M
    ]
    if not wrong:
        return None
    free = [index for index in range(len(places)) if not _is_at(places, places[index] + ONE_UP)]
    for index in sorted(set(wrong) & set(free), key=lambda index: float(goals[index][2])):
        others = np.delete(places, index, axis=0)
        supported = goals[index][2] < CUBE_EDGE_M or _is_at(others, goals[index] - ONE_UP)
        if supported and not _is_taken(others, goals[index]):
            return _place(index, goals[index])
    blocking = (set(free) & set(wrong)) or set(free)
    return _place(min(blocking), _out_of_the_way(scene, np.concatenate([places, goals]), random))


def _is_at(places: FloatArray, where: FloatArray) -> bool:
    return bool(np.any(np.linalg.norm(places - where, axis=1) < IN_PLACE_M))


def _is_taken(places: FloatArray, where: FloatArray) -> bool:
    apart = np.abs(places - where)
    beside = np.linalg.norm(apart[:, :2], axis=1) < OCCUPIED_M
    return bool(np.any(beside & (apart[:, 2] < CUBE_EDGE_M / 2)))


def _out_of_the_way(scene: Any, taken: FloatArray, random: np.random.Generator) -> FloatArray:
    while True:
        place = np.array([*random.uniform(*scene._target_sampling_bounds), CUBE_EDGE_M / 2])
        if np.all(np.linalg.norm((taken - place)[:, :2], axis=1) > CLEARANCE_M):
            return place
