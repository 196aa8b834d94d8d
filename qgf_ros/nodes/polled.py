"""Subscriptions that are read when their owner asks, not when a message comes.

An executor builds a new set of everything it waits for at each event, which costs more of a core than taking the message:
at 100 messages a second on each of several topics, more than the node's own work. Here messages wait in the middleware's
queue, as long as the profile's depth, and are taken all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile

NO_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)


class NeverExecuted(CallbackGroup):
    """Its members are left out of every wait set."""

    def can_execute(self, entity: Any) -> bool:
        """Never."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Never."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Nothing was begun."""


class Inputs:
    """Subscriptions of a node. Polled: `take` calls back. Otherwise the executor does, as usual. One thread: the executor's."""

    def __init__(self, node: Node, is_polled: bool = True) -> None:
        self._node = node
        self._group = NeverExecuted() if is_polled else None
        self._members: list[tuple[Any, Callable[[Any, dict[str, Any]], None]]] = []

    def subscribe(self, kind: Any, topic: str, callback: Callable[[Any], None], profile: QoSProfile) -> None:
        """As `create_subscription`; the profile's depth bounds how many messages wait between two calls of `take`."""
        self._subscribe(kind, topic, callback, lambda message, _info: callback(message), profile)

    def subscribe_informed(
        self, kind: Any, topic: str, callback: Callable[[Any, dict[str, Any]], None], profile: QoSProfile
    ) -> None:
        """As `subscribe`; the callback gets what the middleware knows of a message too, as in `waiting`."""
        self._subscribe(kind, topic, callback, callback, profile)

    def _subscribe(
        self,
        kind: Any,
        topic: str,
        callback: Callable[..., None],
        informed: Callable[[Any, dict[str, Any]], None],
        profile: QoSProfile,
    ) -> None:
        """A polled one has no event callbacks: waiting for an event of a reader is waiting for its messages too."""
        events = None if self._group is None else NO_EVENTS
        made = self._node.create_subscription(
            kind, topic, callback, profile, callback_group=self._group, event_callbacks=events
        )
        self._members.append((made, informed))

    def take(self) -> int:
        """Calls back for every message that has come, topic by topic in the order of subscribing; their count."""
        count = 0
        for subscription, callback in self._members if self._group else ():
            for message, info in waiting(subscription):
                callback(message, info)
                count += 1
        return count

    def close(self) -> None:
        """Destroys the subscriptions."""
        for subscription, _ in self._members:
            self._node.destroy_subscription(subscription)
        self._members = []


def waiting(subscription: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Takes the messages of a subscription that have come, at most as many as its queue holds.

    With each comes what the middleware knows of it: `source_timestamp` and `received_timestamp` in ns, and where it tells
    so `publisher_gid` and the publisher's own count, `publication_sequence_number`.
    """
    for _ in range(subscription.qos_profile.depth):
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        if taken is None:
            return
        yield taken
