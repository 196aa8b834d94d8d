"""The recorder: writes what the graph says into a bag, without disturbing it. It moves nothing, and nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.serialization import serialize_message
from rclpy.topic_endpoint_info import TopicEndpointInfo

from qgf_ros.bags.audit import Audit, Report
from qgf_ros.bags.definitions import prefixes
from qgf_ros.bags.episodes import Mark, Outcome
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.tape import Tape
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.travel import pack_contract
from qgf_ros.errors import MissingDefinitionError, NotReadyError
from qgf_ros.nodes import qos
from qgf_ros.nodes.cdr import exact
from qgf_ros.nodes.diagnostics import Level, status
from qgf_ros.nodes.metronome import Metronome
from qgf_ros.nodes.params import Parameter, declare
from qgf_ros.nodes.polled import NO_EVENTS, NeverExecuted, waiting
from qgf_ros.nodes.recorder_topics import longest_gaps_s, message_type, needed, profile
from qgf_ros.nodes.runtime import offer

PERIOD_S = 0.02  # between two looks into the queues
LOOK_S = 0.25  # between two searches for publishers of topics that had none
SYNC_S = 1.0
TABLE = (
    Parameter("contract", "", "path of the contract, YAML: its topics are recorded"),
    Parameter(
        "record",
        "",
        "folder of the recording, which must not exist yet; empty: nothing is recorded but by ~/save",
    ),
    Parameter(
        "ring",
        "",
        "folder of recordings of the last 30 s that ~/save writes, each in a new folder; empty: none",
    ),
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
    "teleop_node/chunk",
    "teleop_node/status",
    "joy",
    "twist",
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
    """State: the tape and its subscriptions, one for each topic that had a publisher. One thread."""

    def __init__(self, **settings: Any) -> None:
        """Raises QgfError where the contract cannot be read, or the folder exists. `settings` go to rclpy's Node."""
        self._finish: Callable[[], None] = _nothing  # rclpy destroys also a node that was never complete
        super().__init__("recorder_node", automatically_declare_parameters_from_overrides=True, **settings)
        values = declare(self, TABLE)
        folder, ring = (Path(str(values[name])) if values[name] else None for name in ("record", "ring"))
        contract = load_contract(Path(str(values["contract"])))
        must = {name: self.resolve_topic_name(name) for name in needed(contract)}
        wanted = [*must, *OURS, *filter(None, self.get_parameter("topics").value)]
        self._missing = list(dict.fromkeys(self.resolve_topic_name(name) for name in wanted))
        gaps = {self.resolve_topic_name(name): seconds for name, seconds in longest_gaps_s(contract).items()}
        facts = pack_contract(contract)  # so that `qgf verify` needs nothing but the bag
        audit = Audit(must.values(), gaps)
        self.tape = Tape(folder, ring, prefixes(), Storage(values["storage"]), audit, facts)
        self._queues: dict[str, Any] = {}
        self._error = ""
        self._status = self.create_publisher(DiagnosticStatus, "~/status", qos.STATUS)
        self._marks = self.create_publisher(DiagnosticStatus, "~/episode", qos.STATUS)
        self._numbers = 0  # of the marks
        self.tape.add_topic(self._marks.topic_name, "diagnostic_msgs/msg/DiagnosticStatus")
        self._offer_services()
        self._metronome = Metronome(self._on_tick)
        self._metronome.start(round(PERIOD_S * 1e9))
        self._looked_s = self._synced_s = 0.0
        self._finish = self._close

    def _offer_services(self) -> None:
        """`~/begin_episode`, `~/success`, `~/failure`, `~/save`."""
        offer(self, "begin_episode", self.begin_episode)
        offer(self, "success", lambda: self.end_episode(Outcome.SUCCESS))
        offer(self, "failure", lambda: self.end_episode(Outcome.FAILURE))
        offer(self, "save", self.save)

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
                if self.tape.episodes.is_running:
                    self.end_episode(Outcome.UNMARKED)
                self.tape.close()
            except Exception as error:
                self._fail(error)
        counts, lost = self.tape.counts.total(), self.tape.lost.total()
        self.get_logger().info(f"{counts} messages recorded, {lost} lost")

    # -- episodes, and what shall be saved -----------------------------------------------------------------------------

    def begin_episode(self) -> str:
        """The next one begins; in words. Raises NotReadyError while one runs, or nothing is recorded."""
        self._check_recording()
        return self._mark(self.tape.episodes.begin(time.time_ns()))

    def end_episode(self, outcome: Outcome) -> str:
        """The one that runs ends; in words. Raises NotReadyError where none does, or nothing is recorded."""
        self._check_recording()
        return self._mark(self.tape.episodes.end(outcome, time.time_ns()))

    def save(self) -> str:
        """The last 30 s go into a bag of their own; in words. Raises QgfError where they cannot."""
        path, seconds = self.tape.save(time.time_ns())
        self.get_logger().info(words := f"the last {seconds:.1f} s are in {path}")
        return words

    def print_audit(self) -> Report | None:
        """The audit of all so far, which is printed; None where its folder is gone, which is said."""
        try:
            report = self.tape.report()
        except OSError as error:
            print(f"There is no audit: {error}", flush=True)
            return None
        print("\n".join(report.lines()), flush=True)
        return report

    def _check_recording(self) -> None:
        if self._error:
            raise NotReadyError(self._error)

    def _mark(self, mark: Mark) -> str:
        """Publishes a mark, and writes it as it was published: nobody could lose it on the way."""
        message = status("recorder_node: episode", Level.OK, mark.words, mark.values)
        self._marks.publish(message)
        self._numbers += 1
        data = exact(serialize_message(message), DiagnosticStatus)
        topic, at_ns = self._marks.topic_name, mark.stamp_ns
        try:
            self._take()  # what was sent before the mark stands before it
            self.tape.write(topic, data, at_ns, at_ns, self._numbers, topic.encode())
        except Exception as error:
            self._fail(error)
            raise NotReadyError(self._error) from error
        self.get_logger().info(mark.words)
        return mark.words

    # -- messages ------------------------------------------------------------------------------------------------------

    def _on_tick(self) -> None:
        now_s = time.monotonic()
        try:
            if now_s - self._looked_s > LOOK_S:
                self._looked_s = now_s
                self._look()
            self._take()
            if now_s - self._synced_s > SYNC_S:
                self._synced_s = now_s
                self.tape.sync()
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
        type_name, wanted = offers[0].topic_type, profile(offers)
        kind = message_type(type_name)
        self.tape.add_topic(topic, type_name, wanted.durability == DurabilityPolicy.TRANSIENT_LOCAL)
        self._queues[topic] = self.create_subscription(
            kind,
            topic,
            lambda _: None,
            wanted,
            callback_group=NeverExecuted(),
            event_callbacks=NO_EVENTS,
            raw=True,
        )

    def _take(self) -> None:
        for topic, queue in self._queues.items():
            for data, facts in waiting(queue):
                number = int(facts.get("publication_sequence_number") or 0)
                publisher = bytes(facts["publisher_gid"]["data"]) if "publisher_gid" in facts else b""
                received_ns, sent_ns = facts["received_timestamp"], facts["source_timestamp"]
                self.tape.write(topic, data, received_ns, sent_ns, number, publisher)

    def _say(self) -> None:
        values = {
            "state": "ended" if self._error else "recording",
            "messages": self.tape.counts.total(),
            "topics": len(self._queues),
            "lost": self.tape.lost.total(),
            **{f"episodes_{name}": count for name, count in self.tape.episodes.figures.items()},
            "episode_runs": self.tape.episodes.is_running,
        }
        level = Level.ERROR if self._error else Level.OK
        self._status.publish(status("recorder_node: bag", level, self._error or "recording", values))

    def _fail(self, error: Exception) -> None:
        """The graph goes on: a full disk must not stop a robot. What had reached the disk stays."""
        self._error = f"Recording has ended: {error if isinstance(error, OSError) else repr(error)}"
        self._metronome.stop()
        self.tape.abandon()
        self.get_logger().error(self._error)
        self._say()


def _nothing() -> None:
    """Nothing was opened yet, or all is closed."""
