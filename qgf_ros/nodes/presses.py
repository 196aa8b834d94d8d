"""What a person presses for others: services of the command node and the recorder, called without waiting for the answer."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from qgf_ros.teleop.steer import SERVICES, Press


class Presses:
    """State: the clients, and what was answered last. One thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clients: dict[Press, Any] = {
            press: node.create_client(Trigger, f"{other}/{press.value}") for press, other in SERVICES.items()
        }
        self.words = ""

    def call(self, press: Press) -> None:
        """Calls the press's service, if it has one; what comes of it is logged and stands in `words`."""
        client = self._clients.get(press)
        if client is None:
            return
        if not client.service_is_ready():
            self._say(f"{press.value}: there is no {SERVICES[press]}.", is_well=False)
            return
        client.call_async(Trigger.Request()).add_done_callback(lambda future: self._answered(press, future))

    def _answered(self, press: Press, future: Any) -> None:
        answer = future.result()
        if answer is not None:
            self._say(f"{press.value}: {answer.message}", bool(answer.success))

    def _say(self, words: str, is_well: bool) -> None:
        self.words, logger = words, self._node.get_logger()
        logger.info(words) if is_well else logger.warning(words)
