"""Verifies a recording: finds the command node's topics in it, reads them in the order of sending, and asks the verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgf_ros.bags.reader import Recorded, is_finished, read_bag
from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Contract, Message, OutputKind
from qgf_ros.datatypes import JointReading
from qgf_ros.errors import NotVerifiableError, QgfError, UnreadableCertificate, UnreadableMessage
from qgf_ros.verify import messages
from qgf_ros.verify.motion import Before
from qgf_ros.verify.sent import ON_TOPICS, Sent
from qgf_ros.verify.verifier import Allowance, Verifier
from qgf_ros.verify.violation import Violation, What

CERTIFICATE = "command_node/certificate"
EXECUTED = "command_node/executed"
ARRAY = "diagnostic_msgs/msg/DiagnosticArray"
TYPES = {OutputKind.GROUP: messages.GROUP, OutputKind.TRAJECTORY: messages.TRAJECTORY}
KEPT = 1000  # violations that are listed; all are counted
REAL_TIME = Allowance(
    reading_lag_s=0.1
)  # a joint state may have been sent and not yet taken when a tick began
BEGINNING_S = (
    0.5  # of ticks: a recorder looks for topics four times a second, and may find one at its second look
)


@dataclass
class Report:
    """What a recording says. `notes`: what could not be checked, and why."""

    ticks: int = 0
    certificates: int = 0
    commands: int = 0
    before: int = (
        0  # certificates before the recorder listened to every command topic: checked without their commands
    )
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rungs: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        """True where something was verified, and nothing was found."""
        return self.has_proof and not self.counts.total()

    @property
    def has_proof(self) -> bool:
        """True where there were ticks, and their commands if they had any."""
        return self.ticks > 0 and (self.commands > 0 or not self.before)

    def add(self, found: list[Violation]) -> None:
        """Counts violations, and keeps the first of them."""
        self.counts.update(entry.what.value for entry in found)
        self.violations += found[: max(KEPT - len(self.violations), 0)]


class BagVerifier:
    """State: what came since the certificate before. One bag, one thread."""

    def __init__(self, contract: Contract, namespace: str, allowance: Allowance) -> None:
        """`namespace` of the command node, ending in a slash."""
        self._verifier = Verifier(contract, allowance)
        self.report = Report()
        inputs = {entry.name for entry in contract.interface.inputs if entry.message is Message.JOINT_STATE}
        joints = {contract.deployment.inputs[name].topic for name in inputs}
        outputs = {
            entry.topic: entry.kind for entry in contract.deployment.outputs if entry.kind in ON_TOPICS
        }
        self._outputs = {_full(namespace, topic): topic for topic in outputs}
        self._types = {_full(namespace, topic): TYPES[kind] for topic, kind in outputs.items()}
        self._takers = {_full(namespace, topic): self._joints for topic in joints}
        self._takers |= dict.fromkeys(self._outputs, self._command)
        self._takers |= {
            namespace + CERTIFICATE: self._certificate,
            namespace + EXECUTED: self._note_executed,
            namespace + "command_node/limits": self._limits,
            namespace + "policy_node/chunk": self._chunk,
            namespace + "emergency_stop": self._emergency,
        }
        self._namespace = namespace
        self._sent: list[Sent] = []
        self._executed: dict[int, Before] = {}
        self._seen: set[str] = set()
        self._is_complete = False
        self._beginning = round(BEGINNING_S * 1e9 / contract.tick_ns)

    def take(self, message: Recorded) -> None:
        """The next message in the order of sending; those of other topics are left out."""
        taker = self._takers.get(message.topic)
        if taker is None:
            return
        self._seen.add(message.topic)
        try:
            taker(message, messages.decode(message))
        except (UnreadableMessage, UnreadableCertificate, ValueError, ArithmeticError) as error:
            # whoever wrote the bag: numbers that no computation can take are a violation, not the end of verifying
            self.report.add(
                [Violation(What.UNREADABLE, message.sent_ns, 0, message.topic, "it can be read", str(error))]
            )

    def finish(self, facts: Mapping[str, str]) -> None:
        """After the last message: what is left over, and what the recorder says is missing."""
        if len(self._sent) > len(self._outputs):
            found = f"{len(self._sent)} commands after the last certificate"
            self.report.add(
                [Violation(What.COMMAND_UNCERTIFIED, 0, 0, "", "each message has a certificate", found)]
            )
        elif self._sent:
            self.report.notes.append("The recording ends between a command and its certificate.")
        lost = facts.get("lost", "0")
        if lost != "0":
            self.report.add(
                [Violation(What.INCOMPLETE, 0, 0, "", "the recorder lost nothing", f"{lost} messages")]
            )
        for full in sorted(set(self._takers) - self._seen):
            self._lacking(full)
        self.report.ticks = self._verifier.ticks

    def _lacking(self, full: str) -> None:
        if full in self._outputs and self.report.commands:
            found = Violation(
                What.INCOMPLETE, 0, 0, full, "commands are recorded", "no message of this topic"
            )
            self.report.add([found])
        else:
            self.report.notes.append(f"Nothing was recorded of {full}.")

    # -- one kind of message each ----------------------------------------------------------------------------------

    def _joints(self, recorded: Recorded, message: Any) -> None:
        reading = read(message, Message.JOINT_STATE)
        assert isinstance(reading, JointReading), "read follows the kind"
        self._verifier.joints(reading)

    def _command(self, recorded: Recorded, message: Any) -> None:
        expected = self._types[recorded.topic]
        if recorded.type_name != expected:
            raise UnreadableMessage(recorded.topic, expected, f"it is a {recorded.type_name}")
        self._sent.append(messages.read_sent(self._outputs[recorded.topic], recorded.type_name, message))

    def _note_executed(self, recorded: Recorded, message: Any) -> None:
        stamp, command = messages.read_executed(message)
        self._executed[stamp] = command

    def _limits(self, recorded: Recorded, message: Any) -> None:
        self.report.add(self._verifier.limits(messages.texts_of(message)))

    def _chunk(self, recorded: Recorded, message: Any) -> None:
        chunk = messages.read_chunk(message)
        if chunk is not None:
            self._verifier.chunk(chunk)

    def _emergency(self, recorded: Recorded, message: Any) -> None:
        self._verifier.emergency(bool(message.data))

    def _certificate(self, recorded: Recorded, message: Any) -> None:
        certificate, stamp = messages.read_certificate(message)
        self.report.certificates += 1
        sent, self._sent = self._sent, []
        executed, self._executed = self._executed.get(stamp), {}
        self._is_complete |= 0 < len(sent) == certificate.commands or self.report.before >= self._beginning
        is_whole = self._is_complete or len(sent) == certificate.commands == 0
        self.report.before += not is_whole
        self.report.commands += certificate.commands if is_whole else 0
        if stamp:
            self.report.rungs[certificate.rung] += 1
        self.report.add(self._verifier.tick(certificate, stamp, sent if is_whole else None, executed))
        if (
            executed is None
            and is_whole
            and certificate.commands
            and self._namespace + EXECUTED in self._seen
        ):
            expected = "each command stands on `executed` too"
            self.report.add(
                [Violation(What.EXECUTED, stamp, certificate.sequence, "", expected, "none of this tick")]
            )


def verify_bag(
    folder: Path, contract: Contract, facts: Mapping[str, str], allowance: Allowance = REAL_TIME
) -> Report:
    """What a bag's commands are worth under a contract; `facts` as its recorder noted them.

    Raises:
        NotVerifiableError: it holds no certificates, or those of several command nodes.
        UnreadableFileError: the contract's model cannot be read.
    """
    nodes: set[str] = set()
    verifier: BagVerifier | None = None
    waiting: list[Recorded] = []
    problem = ""
    source = messages.in_order_of_sending(read_bag(folder))
    while True:
        try:
            message = next(source)
        except StopIteration:
            break
        except QgfError as error:
            problem = str(error)
            break
        if message.type_name == ARRAY and message.topic.endswith("/" + CERTIFICATE):
            nodes.add(message.topic.removesuffix(CERTIFICATE))
        if verifier is None and nodes:
            verifier = BagVerifier(contract, next(iter(nodes)), allowance)
            for earlier in waiting:
                verifier.take(earlier)
            waiting = []
        if verifier is None:
            waiting.append(message)
        else:
            verifier.take(message)
    if verifier is None:
        cut = "" if is_finished(folder) else ", and its recorder did not finish"
        none = f"it has no certificates (topic {CERTIFICATE}){cut}; record a command node with it"
        raise NotVerifiableError(folder, problem.rstrip(".") or none)
    if len(nodes) > 1:
        raise NotVerifiableError(
            folder, f"it has certificates of {len(nodes)} command nodes: {', '.join(sorted(nodes))}"
        )
    verifier.finish(facts)
    if not is_finished(folder):
        verifier.report.notes.append(
            "The recorder did not finish: what it had not written yet is missing at the end."
        )
    if problem:
        verifier.report.add(
            [Violation(What.INCOMPLETE, 0, 0, "", "the recording can be read to its end", problem)]
        )
    return verifier.report


def _full(namespace: str, topic: str) -> str:
    return topic if topic.startswith("/") else namespace + topic
