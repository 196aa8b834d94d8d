"""Who is in command, policy or person: the command node's topics of chunks, and the services that hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rclpy.node import Node

from qgf_ros.control.session import CommandSession
from qgf_ros.datatypes import Sender
from qgf_ros.nodes.params import Value
from qgf_ros.nodes.runtime import offer

SERVICES = {"take_over": Sender.TELEOP, "hand_back": Sender.POLICY}


def chunk_topics(values: Mapping[str, Value]) -> dict[Sender, str]:
    """Where each sender's chunks come from, by the command node's parameters."""
    return {Sender.POLICY: str(values["chunk_topic"]), Sender.TELEOP: str(values["teleop_topic"])}


def offer_hand_over(node: Node, session: Callable[[], CommandSession]) -> None:
    """Creates `~/take_over` and `~/hand_back`. `session` raises NotReadyError while there is none that hands over."""

    def hand_over(to: Sender) -> str:
        session().hand_over(to)
        return f"{to.value} is in command"

    for name, to in SERVICES.items():
        offer(node, name, partial(hand_over, to))
