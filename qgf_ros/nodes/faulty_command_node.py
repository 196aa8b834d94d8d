"""The command node with a callback that raises what nobody expects when a message comes on ~/fault.

It ships, though it is made to fail: `qgf faults --process` shows a user on their own computer what a failing node does to the arm, and
starts this one. Nothing else starts it: it is no executable of the package and stands in no graph.
"""

from __future__ import annotations

from std_msgs.msg import String

from qgf_ros.nodes import qos
from qgf_ros.nodes.command import CommandNode
from qgf_ros.nodes.runtime import run


class FaultyCommandNode(CommandNode):
    """As the command node, and hears ~/fault."""

    def __init__(self) -> None:
        super().__init__()
        self.create_subscription(String, "~/fault", self._on_fault, qos.STATUS)

    def _on_fault(self, message: String) -> None:
        raise RuntimeError(f"a callback failed, as it was told to: {message.data}")


if __name__ == "__main__":
    raise SystemExit(run(FaultyCommandNode, lambda node, executor: node.turn(executor)))
