"""Entry point of the recorder. The node itself is imported only when rclpy was found to be sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgf_ros.nodes.runtime import run

if TYPE_CHECKING:
    from qgf_ros.nodes.recorder import RecorderNode


def main() -> int:
    """Records until a signal; the exit code."""
    return run(_make, lambda node, executor: node.turn(executor))


def _make() -> RecorderNode:
    from qgf_ros.nodes.recorder import RecorderNode

    return RecorderNode()


if __name__ == "__main__":
    raise SystemExit(main())
