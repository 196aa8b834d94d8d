"""A command node whose first reset is interrupted: while it waits for rest start is called, and then the emergency stop."""

from __future__ import annotations

from rclpy.executors import Executor
from rclpy.task import Future

from qgf_ros.errors import NotReadyError
from qgf_ros.nodes.command import CommandNode
from qgf_ros.nodes.rest import Rest
from qgf_ros.nodes.runtime import run


class InterruptedRest(Rest):
    """As the node's otherwise; as soon as it is awaited for the first time, the node is interrupted."""

    def __init__(self, node: InterruptedCommandNode) -> None:
        super().__init__()
        self._node, self._is_first = node, True

    async def wait(self, executor: Executor | None) -> None:
        """See `Rest`."""
        if self._is_first:
            self._is_first, self._reached = False, Future(executor=executor)
            self._node.interrupt()
        await super().wait(executor)


class InterruptedCommandNode(CommandNode):
    """As the command node otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = InterruptedRest(self)

    def interrupt(self) -> None:
        """Start is called, and then the emergency stop."""
        try:
            self._start()
        except NotReadyError as error:
            self.get_logger().warning(f"start was refused: {error}")
        self._emergency.press()


if __name__ == "__main__":
    raise SystemExit(run(InterruptedCommandNode, lambda node, executor: node.turn(executor)))
