"""What a graph runs where nothing else is said: contract, checkpoint, and the task that the checkpoint was trained for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgf_ros.graph import load_graph
from qgf_ros.share import share_path

GRAPH = "config/graphs/closed_loop.yaml"


@dataclass(frozen=True)
class Shipped:
    """Defaults of a graph's arguments."""

    contract: Path
    checkpoint: Path

    @classmethod
    def of_the_graph(cls, graph: Path | None = None) -> Shipped:
        """Those of a graph's YAML; of the closed loop where none is named. Raises as `load_graph`."""
        arguments = load_graph(graph or share_path(GRAPH)).arguments
        return cls(Path(arguments["contract"].default), Path(arguments["checkpoint"].default))

    @staticmethod
    def task_of(checkpoint: Path) -> str:
        """The task that a checkpoint was trained for; empty where it does not say. Raises as `load_checkpoint`."""
        from qgf_ros.checkpoint import load_checkpoint

        return str(load_checkpoint(checkpoint).provenance.get("task", ""))
