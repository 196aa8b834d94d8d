"""The recorder: writes what the graph says into a bag, without disturbing it. It moves nothing, and nobody waits for it."""

from __future__ import annotations

import importlib
import time
from collections import Counter
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from qgf_ros.bags.definitions import prefixes
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.contract.travel import pack_contract
from qgf_ros.errors import InvalidSetting, MissingDefinitionError
from qgf_ros.nodes import qos
from qgf_ros.nodes.diagnostics import Level, status
from qgf_ros.nodes.metronome import Metronome
from qgf_ros.nodes.params import Parameter, declare
from qgf_ros.nodes.polled import NO_EVENTS, NeverExecuted, waiting

PERIOD_S = 0.02  # between two looks into the queues
DEPTH = 1000  # messages that may wait: ten seconds of a topic at 100 Hz
LOOK_S = 0.25  # between two searches for publishers of topics that had none
SYNC_S = 1.0
TABLE = (
    Parameter("contract", "", "path of the contract, YAML: its topics are recorded"),
    Parameter("record", "", "folder of the recording, which must not exist yet"),
    Parameter("topics", [""], "further topics to record"),
    Parameter(
        "storage",
        Storage.MCAP.value,
        "kind of file; sqlite3 has no times of sending, by which `qgf verify` puts messages in order",
        choices=tuple(kind.value for kind in Storage),
    ),
)
OURS = (
    "clock",
    "policy_node/chunk",
    "policy_node/report",
    "policy_node/status",
    "command_node/executed",
    "command_node/action",
    "command_node/certificate",
    "command_node/limits",
    "command_node/status",
    "emergency_stop",
    "robot_description",
    "sim_node/status",
    "/diagnostics",
    "/rosout",
)


class RecorderNode(Node):
    """State: the open bag and its subscriptions, one for each topic that had a publisher. One thread."""

    def __init__(self, **settings: Any) -> None:
        """Raises QgfError where the contract cannot be read, or the folder exists. `settings` go to rclpy's Node."""
        self._finish = _nothing  # rclpy destroys also a node that was never complete
        super().__init__("recorder_node", automatically_declare_parameters_from_overrides=True, **settings)
        values = declare(self, TABLE)
        if not values["record"]:
            raise InvalidSetting("Parameter record", "", "the name of a new folder")
        contract = load_contract(Path(str(values["contract"])))
        self._contract_facts = pack_contract(contract)  # so that `qgf verify` needs nothing but the bag
        wanted = [*topics(contract), *OURS, *filter(None, self.get_parameter("topics").value)]
        self._missing = [self.resolve_topic_name(name) for name in dict.fromkeys(wanted)]
        self._bag = BagWriter(Path(str(values["record"])), prefixes(), storage=Storage(values["storage"]))
        self._queues: dict[str, Any] = {}
        self._last: dict[bytes, int] = {}  # the newest number of each publisher
        self.lost: Counter[str] = Counter()  # by topic: published while we listened, and not come
        self._error = ""
        self._status = self.create_publisher(DiagnosticStatus, "~/status", qos.STATUS)
        self._metronome = Metronome(self._on_tick)
        self._metronome.start(round(PERIOD_S * 1e9))
        self._looked_s = self._synced_s = 0.0
        self._finish = self._close

    def turn(self, executor: SingleThreadedExecutor) -> None:
        """Serves callbacks until it is time to look into the queues, and looks."""
        self._metronome.turn(executor.spin_once)

    def destroy_node(self) -> None:
        """Writes what is left, and finishes the bag."""
        self._finish()
        self._finish = _nothing
        super().destroy_node()

    def _close(self) -> None:
        if not self._error:
            try:
                self._take()
                self._bag.facts = self._facts()
                self._bag.close()
            except Exception as error:
                self._fail(error)
        self.get_logger().info(f"{self._bag.counts.total()} messages recorded, {self.lost.total()} lost")

    def _on_tick(self) -> None:
        now_s = time.monotonic()
        try:
            if now_s - self._looked_s > LOOK_S:
                self._looked_s = now_s
                self._look()
            self._take()
            if now_s - self._synced_s > SYNC_S:
                self._synced_s = now_s
                self._bag.facts = self._facts()
                self._bag.sync()
                self._say()
        except Exception as error:  # whatever it is: it must not end a graph that moves a robot
            self._fail(error)

    def _look(self) -> None:
        """Listens to the topics that have a publisher by now, as reliably as all their publishers are."""
        for topic in list(self._missing):
            offers = self.get_publishers_info_by_topic(topic)
            if not offers:
                continue
            self._missing.remove(topic)
            try:
                self._listen(topic, offers)
            except (MissingDefinitionError, ImportError, KeyError) as error:
                self.get_logger().error(f"{topic} ({offers[0].topic_type}) is not recorded: {error}")

    def _listen(self, topic: str, offers: list[TopicEndpointInfo]) -> None:
        type_name = offers[0].topic_type
        kind = message_type(type_name)
        self._bag.add_topic(topic, type_name)
        self._queues[topic] = self.create_subscription(
            kind,
            topic,
            lambda _: None,
            profile(offers),
            callback_group=NeverExecuted(),
            event_callbacks=NO_EVENTS,
            raw=True,
        )

    def _take(self) -> None:
        for topic, queue in self._queues.items():
            for data, facts in waiting(queue):
                number = self._note(topic, facts)
                self._bag.write(topic, data, facts["received_timestamp"], facts["source_timestamp"], number)

    def _note(self, topic: str, facts: dict[str, Any]) -> int:
        """The publisher's number of a message, after counting those before it that did not come; 0 where it has none."""
        number = facts.get("publication_sequence_number") or 0
        publisher = bytes(facts["publisher_gid"]["data"]) if "publisher_gid" in facts else b""
        if number:
            missing = number - self._last.get(publisher, number - 1) - 1
            self._last[publisher] = number
            if missing > 0:
                self.lost[topic] += missing
        return int(number)

    def _facts(self) -> dict[str, str]:
        """For the bag's metadata: how many messages of each topic are missing, and of all; and the contract."""
        lost = {"lost": str(self.lost.total())} | {f"lost{topic}": str(n) for topic, n in self.lost.items()}
        return lost | self._contract_facts

    def _say(self) -> None:
        values = {
            "state": "ended" if self._error else "recording",
            "messages": self._bag.counts.total(),
            "topics": len(self._queues),
            "lost": self.lost.total(),
        }
        level = Level.ERROR if self._error else Level.OK
        self._status.publish(status("recorder_node: bag", level, self._error or "recording", values))

    def _fail(self, error: Exception) -> None:
        """The graph goes on: a full disk must not stop a robot. What had reached the disk stays."""
        self._error = f"Recording has ended: {error if isinstance(error, OSError) else repr(error)}"
        self._metronome.stop()
        self._bag.abandon()
        self.get_logger().error(self._error)
        self._say()


def _nothing() -> None:
    """Nothing was opened yet, or all is closed."""


def topics(contract: Contract) -> list[str]:
    """The topics of the contract's inputs and outputs and of the controller's speed, as its deployment names them."""
    inputs = [entry.topic for entry in contract.deployment.inputs.values()]
    kinds = (
        OutputKind.GROUP,
        OutputKind.TRAJECTORY,
    )  # the others are actions, which have no topic of their own
    outputs = [entry.topic for entry in contract.deployment.outputs if entry.kind in kinds]
    return [*inputs, *outputs, *filter(None, [contract.deployment.speed_scaling])]


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
