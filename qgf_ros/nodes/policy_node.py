"""Entry point of the policy node. The node itself is imported only when rclpy was found to be sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgf_ros.nodes.runtime import run

if TYPE_CHECKING:
    from qgf_ros.nodes.policy import PolicyNode


def main() -> int:
    """Runs the policy node until a signal; the exit code."""
    return run(_make)


def _make() -> PolicyNode:
    from qgf_ros.nodes.policy import PolicyNode

    return PolicyNode()


if __name__ == "__main__":
    raise SystemExit(main())
