"""What a reset waits for: that the arm has come to rest. Others are served meanwhile."""

from __future__ import annotations

from rclpy.executors import Executor
from rclpy.task import Future

from qgf_ros.errors import NotReadyError


class Rest:
    """State: whether somebody waits. One thread: the executor's."""

    def __init__(self) -> None:
        self._reached: Future[None] = Future()
        self.give_up()

    @property
    def is_awaited(self) -> bool:
        """True while somebody waits."""
        return not (self._reached.done() or self._reached.cancelled())

    def check_not_awaited(self) -> None:
        """Raises NotReadyError while somebody waits: a start would let the arm move on, and the reset come at its end."""
        if self.is_awaited:
            raise NotReadyError("A reset waits until the arm is at rest: call start when it has answered.")

    async def wait(self, executor: Executor | None) -> None:
        """Returns when `reach` or `give_up` is called next; any number may wait, in a callback of this executor."""
        if not self.is_awaited:
            self._reached = Future(executor=executor)
        await self._reached

    def reach(self) -> None:
        """The arm is at rest."""
        if self.is_awaited:
            self._reached.set_result(None)

    def give_up(self) -> None:
        """Nobody is waited for any more: whoever did goes on, and finds out why."""
        self._reached.cancel()
