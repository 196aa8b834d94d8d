"""A film of a recorded episode: its commands are played again in the simulation, and every picture is rendered or drawn.

Run as a process of its own, because a GL library that does not work may end it:
`python -m qgf_ros.evaluate.film EPISODE.npz OUT.mp4 [--drawn]`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes.util
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.datatypes import FloatArray

FRAMES_PER_S = 20
WIDTH, HEIGHT = 480, 360
REST_S = 1.0  # the last picture stays for this long
BACKENDS = {"egl": "EGL", "osmesa": "OSMesa"}  # MUJOCO_GL and the library that it needs
TIMEOUT_S = 240.0
MISSING_GL = "No GL library renders here, so the film is drawn; for pictures of the robot: apt-get install libosmesa6, then run again."


@dataclass(frozen=True)
class Take:
    """What is played again: commands (T, J) rad for `joints`, one a tick, in the episode `seed` of `task`.

    `tool` (T, 3) m is where the commands put the tool; (0, 3) where nobody knows.
    """

    task: str
    seed: int
    joints: tuple[str, ...]
    tick_ns: int
    positions: FloatArray
    tool: FloatArray

    def save(self, path: Path) -> None:
        """Writes it as npz."""
        joints = np.array(self.joints)
        np.savez(path, **(vars(self) | {"joints": joints}))


def load_take(path: Path) -> Take:
    """What `Take.save` wrote."""
    with np.load(path) as found:
        joints = tuple(str(joint) for joint in found["joints"])
        tick_ns = int(found["tick_ns"])
        return Take(
            str(found["task"]), int(found["seed"]), joints, tick_ns, found["positions"], found["tool"]
        )


def replay(take: Take, simulation: Any) -> Iterator[int]:
    """Plays the commands in a simulation (`qgf_sim.Simulation`); yields the number of each tick after it, 0 before the first."""
    simulation.reset(take.seed)
    yield 0
    for tick, positions in enumerate(take.positions, start=1):
        simulation.step(dict(zip(take.joints, positions.tolist(), strict=True)), take.tick_ns)
        yield tick


def replay_succeeds(take: Take) -> bool:
    """Whether the episode also succeeds when its commands are played again, without the network's delays."""
    import qgf_sim

    simulation = qgf_sim.load(take.task)
    for _ in replay(take, simulation):
        pass
    return simulation.success()


def make_film(take_path: Path, path: Path) -> str:
    """Writes the film; the sentence says how it was made. Rendered where a GL library works, else drawn."""
    found = [name for name, library in BACKENDS.items() if ctypes.util.find_library(library)]
    chosen = os.environ.get("MUJOCO_GL", "")
    backends = [chosen, *found] if chosen not in ("", "disable", "disabled", "off", *found) else found
    for backend in backends:
        if _in_process(take_path, path, backend, []):
            return f"{path} (rendered, MUJOCO_GL={backend})"
    if _in_process(take_path, path, "disable", ["--drawn"]):
        return f"{path} (drawn)\n{MISSING_GL}"
    return f"No film could be made. {MISSING_GL}"


def _in_process(take_path: Path, path: Path, backend: str, more: list[str]) -> bool:
    command = [sys.executable, "-m", "qgf_ros.evaluate.film", str(take_path), str(path), *more]
    environment = os.environ | {"MUJOCO_GL": backend}
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False)
        return done.returncode == 0 and path.is_file()
    return False


def render(take: Take) -> Iterator[npt.NDArray[np.uint8]]:
    """Pictures (HEIGHT, WIDTH, 3) by MuJoCo. Raises RuntimeError without a GL library."""
    import qgf_sim

    simulation = qgf_sim.load(take.task)
    ticks = round(1e9 / (FRAMES_PER_S * take.tick_ns))
    for tick in replay(take, simulation):
        if tick % ticks == 0:
            yield simulation.frame(WIDTH, HEIGHT)


def write_film(pictures: Iterator[npt.NDArray[np.uint8]], path: Path) -> None:
    """Writes pictures as a film; the last one stays for a while."""
    import imageio.v2 as imageio

    part = path.with_name(f".{path.name}.part.mp4")
    writer: Any = imageio.get_writer(part, fps=FRAMES_PER_S, macro_block_size=1)
    with writer:
        picture = None
        for picture in pictures:
            writer.append_data(picture)
        for _ in range(round(REST_S * FRAMES_PER_S) if picture is not None else 0):
            writer.append_data(picture)
    part.replace(path)


def main() -> int:
    """Makes a film from the command line."""
    parser = argparse.ArgumentParser(description="a film of a recorded episode")
    parser.add_argument("take", type=Path)
    parser.add_argument("path", type=Path)
    parser.add_argument("--drawn", action="store_true", help="draw with matplotlib instead of rendering")
    arguments = parser.parse_args()
    take = load_take(arguments.take)
    if arguments.drawn:
        from qgf_ros.evaluate.drawn_film import draw

        write_film(draw(take), arguments.path)
    else:
        write_film(render(take), arguments.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
