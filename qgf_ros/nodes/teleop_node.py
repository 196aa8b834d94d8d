"""Entry point of the teleoperation node. The node itself is imported only when rclpy was found to be sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgf_ros.nodes.runtime import run

if TYPE_CHECKING:
    from qgf_ros.nodes.teleop import TeleopNode


def main() -> int:
    """Runs until a signal; the exit code."""
    return run(_make, lambda node, executor: node.turn(executor))


def _make() -> TeleopNode:
    from qgf_ros.nodes.teleop import TeleopNode

    return TeleopNode()


if __name__ == "__main__":
    raise SystemExit(main())
