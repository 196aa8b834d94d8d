"""Entry point of the command node. The node itself is imported only when rclpy was found to be sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgf_ros.nodes.runtime import run

if TYPE_CHECKING:
    from qgf_ros.nodes.command import CommandNode


def main() -> int:
    """Runs the command node until a signal; the exit code."""
    return run(_make, lambda node, executor: node.turn(executor))


def _make() -> CommandNode:
    from qgf_ros.nodes.command import CommandNode

    return CommandNode()


if __name__ == "__main__":
    raise SystemExit(main())
