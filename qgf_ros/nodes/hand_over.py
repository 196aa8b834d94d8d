"""Who is in command, policy or person: the command node's topics of chunks, and the services that hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rclpy.node import Node
from std_srvs.srv import Trigger

from qgf_ros.control.session import CommandSession
from qgf_ros.datatypes import Sender
from qgf_ros.nodes.params import Value
from qgf_ros.nodes.runtime import answer

SERVICES = {"take_over": Sender.TELEOP, "hand_back": Sender.POLICY}


def chunk_topics(values: Mapping[str, Value]) -> dict[Sender, str]:
    """Where each sender's chunks come from, by the command node's parameters."""
    return {Sender.POLICY: str(values["chunk_topic"]), Sender.TELEOP: str(values["teleop_topic"])}


def offer_hand_over(node: Node, session: Callable[[], CommandSession]) -> None:
    """Creates `~/take_over` and `~/hand_back`. `session` raises NotReadyError while there is none that hands over."""

    def hand_over(to: Sender) -> str:
        session().hand_over(to)
        return f"{to.value} is in command"

    def serve(to: Sender) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        return lambda _, response: answer(node, response, lambda: hand_over(to))

    for name, to in SERVICES.items():
        node.create_service(Trigger, f"~/{name}", serve(to))
