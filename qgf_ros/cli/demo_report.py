"""What `qgf demo` makes of its episodes: figures, a table, a picture, a film."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qgf_ros.cli.versions import versions_of
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.compare import rate
from qgf_ros.evaluate.recording import EpisodeRecord
from qgf_ros.evaluate.report import percentiles, seam_summary

if TYPE_CHECKING:
    from qgf_ros.evaluate.pictures import Episode

Records = dict[str, list[EpisodeRecord]]
GOALS = ("goal", "target")  # names of poses that say where to go, not where something is
LIBRARIES = ("torch", "mujoco", "numpy", "ros-rclpy", "ogbench")


def report(records: Records, task: str, checkpoint: str) -> dict[str, Any]:
    """The figures: a summary for each row under its name; latency is that of the guided row, counts are of all rows."""
    every = [record for found in records.values() for record in found]
    figures: dict[str, Any] = {name: _summary(found) for name, found in records.items()}
    return figures | {
        "episodes": len(records["guided"]),
        "latency_ms": figures["guided"]["latency_ms"],
        "missed_commands": sum(record.missed_commands for record in every),
        "commands": sum(len(record.commands) for record in every),
        "tail_ticks": sum(record.tail_ticks for record in every),
        "hold_ticks": sum(record.hold_ticks for record in every),
        "task": task,
        "checkpoint": checkpoint,
        "machine": machine(),
    }


def _summary(found: Sequence[EpisodeRecord]) -> dict[str, Any]:
    counted = rate([record.success for record in found])
    return {
        "success": counted.success,
        "interval": list(counted.interval),
        "episodes": counted.episodes,
        "return": float(np.mean([record.total_return for record in found])),
        "steps": float(np.mean([record.steps for record in found])),
        "latency_ms": percentiles([ms for record in found for ms in record.latencies_ms]),
        "missed_commands": sum(record.missed_commands for record in found),
        "seams": seam_summary([seam for record in found for seam in record.seams]),
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on; `load_1min` tells whether something else was running."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions_of(LIBRARIES),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def print_table(figures: dict[str, Any]) -> None:
    """The table that a person reads."""
    from rich.console import Console
    from rich.table import Table

    title = f"{figures['checkpoint']} on {figures['task']} over ROS 2 in real time"
    table = Table(title=title, title_justify="left")
    headings = (
        "row",
        "success",
        "95 % interval",
        "return",
        "steps",
        "latency p50 / p99 ms",
        "missed commands",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "row" else "right")
    for name in ("unguided", "guided"):
        row = figures[name]
        low, high = row["interval"]
        table.add_row(
            name,
            f"{round(row['success'] * row['episodes'])} of {row['episodes']}",
            f"{low:.2f} to {high:.2f}",
            f"{row['return']:.1f}",
            f"{row['steps']:.0f}",
            f"{row['latency_ms']['p50'] or 0:.1f} / {row['latency_ms']['p99'] or 0:.1f}",
            str(row["missed_commands"]),
        )
    console = Console(width=100)
    console.print(table)
    computer = figures["machine"]
    console.print(
        f"{figures['missed_commands']} of {figures['commands']} command ticks missed; {computer['cores']} cores, "
        f"{computer['processor']}, load {computer['load_1min']}"
    )


def picture(records: Records, contract: Contract, task: str, path: Path) -> Path:
    """Draws all episodes; the path."""
    from qgf_ros.evaluate.pictures import draw_episodes

    drawn = {
        name: [_drawn(record, tool_path(record, contract)) for record in found]
        for name, found in records.items()
    }
    draw_episodes(
        drawn,
        f"{task} over ROS 2: the same scenes, without and with the critic's guidance",
        path,
        _goal_radius_m(task),
    )
    return path


def _goal_radius_m(task: str) -> float | None:
    """OGBench calls a cube in place within 4 cm; of other tasks the picture does not know."""
    return 0.04 if task.startswith("cube-") else None


def _drawn(record: EpisodeRecord, tool: FloatArray) -> Episode:
    """What is drawn: the way of the first thing that is no goal, or of the tool where there is none."""
    from qgf_ros.evaluate.pictures import Episode

    goal = next((record.paths[name] for name in GOALS if name in record.paths), np.zeros((0, 4)))
    thing = next((path for name, path in record.paths.items() if name not in GOALS), tool)
    return Episode(record.seed, record.success, thing, goal, tool)


def tool_path(record: EpisodeRecord, contract: Contract) -> FloatArray:
    """Where the commands put the tool: (T, 4) of seconds and x, y, z in m; (0, 4) without kinematics."""
    from qgf_ros.control.kinematics import Kinematics

    if contract.interface.kinematics is None or not len(record.commands):
        return np.zeros((0, 4))
    kinematics, joints = Kinematics(contract), contract.interface.joints
    places = [kinematics.tool(dict(zip(joints, row[0].tolist(), strict=True)))[0] for row in record.commands]
    seconds = (record.stamps_ns - record.stamps_ns[0]) * 1e-9
    return np.column_stack([seconds, np.array(places)])


def film(records: Records, contract: Contract, task: str, folder: Path) -> str:
    """Films a guided episode that succeeds, also when its commands are played again; the sentence says where it lies."""
    from qgf_ros.evaluate.film import Take, make_film, replay_succeeds

    def take_of(record: EpisodeRecord) -> Take:
        positions, tool = record.commands[:, 0], tool_path(record, contract)[:, 1:]
        return Take(task, record.seed, contract.interface.joints, contract.tick_ns, positions, tool)

    wanted = sorted(records["guided"], key=lambda record: (not record.success, not record.steps))
    good = (take for take in map(take_of, wanted[:3]) if replay_succeeds(take))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "take.npz"
        next(good, take_of(wanted[0])).save(path)
        return make_film(path, folder / "episode.mp4")
