"""Who else publishes: a second source of commands beside ours, and sources of our inputs that cannot reach us."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

PERIOD_S = 0.25
SECOND, MISMATCH = "second_publisher", "qos"  # reasons: docs/safety.md


@dataclass(frozen=True)
class Listened:
    """One of our subscriptions: its topic as it was named, its message type, and what we request."""

    topic: str
    type_name: str
    profile: QoSProfile


def listened(kind: type, topic: str, profile: QoSProfile) -> Listened:
    """A subscription to messages of this class."""
    return Listened(topic, f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}", profile)


class PublisherWatch:
    """State: how long the longest look took. It sees topics, not actions: goals of other clients are not known to a node."""

    def __init__(self, node: Node, commands: Iterable[str], inputs: Iterable[Listened]) -> None:
        """`commands` are the topics on which this node alone may publish."""
        self._node = node
        self._commands = list(commands)
        self._inputs = list(inputs)
        self.worst_ms = 0.0

    def look(self) -> dict[str, str]:
        """A sentence for each of both reasons, empty where nothing is wrong."""
        begun_ns = time.perf_counter_ns()
        find = self._node.get_publishers_info_by_topic
        own = (self._node.get_name(), self._node.get_namespace())
        found = {
            SECOND: _first(second_publisher(topic, own, find(topic)) for topic in self._commands),
            MISMATCH: _first(unheard(entry, find(entry.topic)) for entry in self._inputs),
        }
        self.worst_ms = max(self.worst_ms, (time.perf_counter_ns() - begun_ns) * 1e-6)
        return found


def apply(
    found: dict[str, str], suspend: Callable[[str, str], None], unsuspend: Callable[[str], None]
) -> None:
    """Suspends motion for each reason that has a sentence, and ends the suspension for those that have none."""
    for reason, sentence in found.items():
        if sentence:
            suspend(reason, sentence)
        else:
            unsuspend(reason)


def second_publisher(topic: str, own: tuple[str, str], offers: list[TopicEndpointInfo]) -> str:
    """A sentence where somebody but one endpoint of the node `own` (name, namespace) publishes on a command topic."""
    others = [offer for offer in offers if (offer.node_name, offer.node_namespace) != own]
    if len(offers) - len(others) > 1:  # another node of our own name
        others.append(next(offer for offer in offers if offer not in others))
    if not others:
        return ""
    names = ", ".join(sorted(_name(offer) for offer in others))
    end = "End it (one that was killed is listed for about 20 s), then call start."
    return f"{names} publishes on '{topic}' too: only one node may command a controller. {end}"


def unheard(listened: Listened, offers: list[TopicEndpointInfo]) -> str:
    """A sentence where a publisher offers a type or a quality of service that never matches our request."""
    for offer in offers:
        problem = _mismatch(listened, offer)
        if problem:
            return f"{_name(offer)} on '{listened.topic}' is not heard: {problem}."
    return ""


def _mismatch(listened: Listened, offer: TopicEndpointInfo) -> str:
    """DDS: what is offered must be no weaker than what is requested."""
    offered, requested = offer.qos_profile, listened.profile
    if offer.topic_type != listened.type_name:
        return f"it publishes {offer.topic_type}, {listened.type_name} is read"
    if (
        requested.reliability == ReliabilityPolicy.RELIABLE
        and offered.reliability == ReliabilityPolicy.BEST_EFFORT
    ):
        return "it offers best effort, reliable is requested"
    if (
        requested.durability == DurabilityPolicy.TRANSIENT_LOCAL
        and offered.durability == DurabilityPolicy.VOLATILE
    ):
        return "it offers volatile, transient local is requested"
    return ""


def _name(offer: TopicEndpointInfo) -> str:
    return f"{offer.node_namespace.rstrip('/')}/{offer.node_name}"


def _first(sentences: Iterable[str]) -> str:
    return next(filter(None, sentences), "")
