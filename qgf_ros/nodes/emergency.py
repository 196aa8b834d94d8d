"""The emergency stop: a service of the command node, and a topic that a button's driver publishes. Neither replaces a real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.qos import DurabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from qgf_ros.control.session import CommandSession
from qgf_ros.nodes import qos
from qgf_ros.nodes.polled import Inputs
from qgf_ros.nodes.publishers import Listened

Noted = Callable[[str, Callable[[Any], None]], Callable[[Any], None]]
TOPIC = "emergency_stop"
LISTENED = Listened(TOPIC, "std_msgs/msg/Bool", qos.EMERGENCY)


class EmergencyStop:
    """State: the topic's last word, which outlives configuring anew. One thread."""

    def __init__(self) -> None:
        self.is_pressed = False
        self._session: CommandSession | None = None

    def listen(self, inputs: Inputs, noted: Noted) -> None:
        """Listens on the topic. To be called before other topics; `noted` wraps the callback so that words are recorded."""
        self._inputs, self._callback, self._hears_kept = inputs, noted(TOPIC, self._on_word), False
        inputs.subscribe(Bool, TOPIC, self._callback, qos.EMERGENCY)

    def look(self, offers: Sequence[TopicEndpointInfo]) -> None:
        """Listens also to what was said before we came, once all who publish keep it: asking others for it would warn them."""
        kept = [offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers]
        if kept and all(kept) and not self._hears_kept:
            self._hears_kept = True
            self._inputs.subscribe(Bool, TOPIC, self._callback, qos.EMERGENCY_KEPT)

    def guard(self, session: CommandSession | None) -> None:
        """The session that is stopped from now on: at once, where the topic's last word says so."""
        self._session = session
        if session is not None and self.is_pressed:
            session.emergency_stop(is_pressed=True)

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

    def _on_word(self, message: Bool) -> None:
        self.is_pressed = bool(message.data)
        if self._session is None:
            return
        if self.is_pressed:
            self._session.emergency_stop(is_pressed=True)
        else:
            self._session.emergency_release()
