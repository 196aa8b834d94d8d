"""Which topics a recorder listens to, with which message types and quality of service, and what must be heard of them."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from qgf_ros.contract.schema import Contract, OutputKind

DEPTH = 1000  # messages that may wait: ten seconds of a topic at 100 Hz
EVERY_TICK = ("command_node/certificate", "command_node/executed")


def needed(contract: Contract) -> list[str]:
    """The topics without which a recording is of little use: the contract's, and what the command node says at every tick."""
    return [*topics(contract), *EVERY_TICK]


def longest_gaps_s(contract: Contract) -> dict[str, float]:
    """For how long nothing may come, by topic: as long as the contract lets an input be old; elsewhere a control period."""
    inputs = {entry.topic: entry.max_age_s for entry in contract.deployment.inputs.values()}
    return dict.fromkeys(EVERY_TICK, contract.interface.control_period_s) | inputs


def topics(contract: Contract) -> list[str]:
    """The topics of the contract's inputs, goals and outputs and of the controller's speed, as its deployment names them."""
    inputs = [entry.topic for entry in contract.deployment.inputs.values()]
    kinds = (
        OutputKind.GROUP,
        OutputKind.TRAJECTORY,
    )  # the others are actions, which have no topic of their own
    outputs = [entry.topic for entry in contract.deployment.outputs if entry.kind in kinds]
    goal = [] if contract.deployment.goal is None else [contract.deployment.goal.topic]
    return [*inputs, *goal, *outputs, *filter(None, [contract.deployment.speed_scaling])]


def message_type(name: str) -> Any:
    """The class of `PACKAGE/msg/NAME`. Raises ImportError or KeyError where it is not installed."""
    package, _, kind = name.partition("/msg/")
    return vars(importlib.import_module(f"{package}.msg"))[kind]


def profile(offers: list[TopicEndpointInfo]) -> QoSProfile:
    """What matches all publishers and loses least: reliable if all are, kept for latecomers if all do."""
    found = [offer.qos_profile for offer in offers]
    is_reliable = all(entry.reliability == ReliabilityPolicy.RELIABLE for entry in found)
    is_kept = all(entry.durability == DurabilityPolicy.TRANSIENT_LOCAL for entry in found)
    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if is_reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if is_kept else DurabilityPolicy.VOLATILE,
    )
