"""Entry point of the recorder. The node itself is imported only when rclpy was found to be sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgf_ros.nodes.runtime import run

if TYPE_CHECKING:
    from qgf_ros.nodes.recorder import RecorderNode


def main() -> int:
    """Records until a signal, then says what the recording holds; the exit code."""
    made: list[RecorderNode] = []
    code = run(lambda: _make(made), lambda node, executor: node.turn(executor))
    for node in made:
        node.print_audit()
    return code


def _make(made: list[RecorderNode]) -> RecorderNode:
    from qgf_ros.nodes.recorder import RecorderNode

    made.append(RecorderNode())
    return made[0]


if __name__ == "__main__":
    raise SystemExit(main())
