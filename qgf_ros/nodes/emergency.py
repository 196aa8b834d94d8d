"""The emergency stop: a service of the command node, and a topic that buttons' drivers publish. Neither replaces a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from qgf_ros.control.session import CommandSession
from qgf_ros.errors import NotReadyError
from qgf_ros.nodes import qos
from qgf_ros.nodes.polled import Inputs
from qgf_ros.nodes.pressed import Pressed, publisher_of
from qgf_ros.nodes.publishers import Listened

TOPIC = "emergency_stop"
LISTENED = Listened(TOPIC, "std_msgs/msg/Bool", qos.EMERGENCY)


class EmergencyStop:
    """Listens for the node's life, configured or not. State: which buttons are pressed, and the session to stop. One thread."""

    def __init__(self, node: Node, is_polled: bool) -> None:
        """`is_polled`: words wait until `take`; otherwise the executor brings them."""
        self._node, self._inputs = node, Inputs(node, is_polled)
        self._inputs.subscribe_informed(Bool, TOPIC, self._on_word, qos.EMERGENCY)
        self._pressed = Pressed()
        self._hears_kept = self.is_ready = False
        self.guard(None)

    @property
    def is_pressed(self) -> bool:
        """True while a button is."""
        return self._pressed.is_any

    def take(self) -> None:
        """Takes the words that have come: at each tick before all else."""
        self._inputs.take()

    def look(self) -> None:
        """Takes the words that have come, and looks who publishes. Once somebody keeps his word for those who come later, that is
        listened to as well; whoever keeps none is warned of a mismatch then, and is heard as before.
        """
        self.take()
        offers = self._node.get_publishers_info_by_topic(TOPIC)
        kept = [offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers]
        if any(kept) and not self._hears_kept:
            self._hears_kept = True
            self._inputs.subscribe_informed(Bool, TOPIC, self._on_word, qos.EMERGENCY_KEPT)
        else:
            self.is_ready = True
        self._obey(lambda: self._pressed.see({publisher_of(offer.endpoint_gid) for offer in offers}))

    def check_ready(self) -> None:
        """Returns once the topic was looked at, and kept words had time to come. Raises NotReadyError."""
        if not self.is_ready:
            raise NotReadyError(f"'{TOPIC}' has not been looked at yet: call start again in half a second.")

    def guard(
        self, session: CommandSession | None, heard: Callable[[Bool], None] = lambda message: None
    ) -> None:
        """The session that is stopped from now on: at once, where a button is pressed. `heard` is called after each word."""
        self._session, self._heard = session, heard
        if session is None:
            return
        if self.is_pressed:
            session.emergency_stop(is_pressed=True)
        else:
            session.emergency_release()  # of the button; a stop that is latched stays

    def press(self) -> str:
        """The service: stops whatever moves, and latches."""
        if self._session is None:
            return "not configured: nothing is commanded"
        self._session.emergency_stop()
        return "braking within the limits; latched until reset"

    def serve(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """The service's callback. It never fails."""
        response.message, response.success = self.press(), True
        return response

    def _on_word(self, message: Bool, info: dict[str, Any]) -> None:
        # older versions of rclpy do not tell who published: all are one publisher then
        gid = info.get("publisher_gid") or {}
        publisher, number = publisher_of(gid.get("data", b"")), info.get("publication_sequence_number")
        if not self._pressed.is_news(publisher, number):
            return
        self._obey(lambda: self._pressed.say(publisher, bool(message.data)))
        if message.data and self._session is not None:
            self._session.emergency_stop(is_pressed=True)
        self._heard(message)

    def _obey(self, change: Callable[[], None]) -> None:
        was_pressed = self.is_pressed
        change()
        if was_pressed and not self.is_pressed and self._session is not None:
            self._session.emergency_release()
