"""Verifies a recording: finds the command node's topics in it, reads them in the order of sending, and asks the verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgf_ros.bags.decode import decode
from qgf_ros.bags.order import in_order_of_sending
from qgf_ros.bags.reader import Recorded, is_finished, read_bag
from qgf_ros.bags.recorded import full_name
from qgf_ros.certificate import Certificate
from qgf_ros.contract.fields import read, texts_of
from qgf_ros.contract.schema import Contract, Message, OutputKind
from qgf_ros.datatypes import JointReading, Sender
from qgf_ros.errors import NotVerifiableError, QgfError, UnreadableMessage
from qgf_ros.verify import messages
from qgf_ros.verify.ages import used_stamps
from qgf_ros.verify.command_node import ARRAY, CERTIFICATE, first_namespace, namespace_of
from qgf_ros.verify.motion import Before
from qgf_ros.verify.sent import ON_TOPICS, Sent
from qgf_ros.verify.unheard import Unheard
from qgf_ros.verify.verifier import Allowance, Verifier
from qgf_ros.verify.violation import Violation, What

EXECUTED = "command_node/executed"
CHUNKS = {Sender.POLICY: "policy_node/chunk", Sender.TELEOP: "teleop_node/chunk"}
SENT_AS = {OutputKind.GROUP: messages.GROUP, OutputKind.TRAJECTORY: messages.TRAJECTORY}
KEPT = 1000  # violations that are listed; all are counted
MOST_BETWEEN = 100  # messages of commands between two certificates: there are a few, or all are wrong
REAL_TIME = Allowance(
    reading_lag_s=0.1
)  # a joint state may have been sent and not yet taken when a tick began
Taker = Callable[[Recorded, Any], None]
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
        self.violations += [entry.shortened() for entry in found[: max(KEPT - len(self.violations), 0)]]


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
        self._outputs = {full_name(namespace, topic): topic for topic in outputs}
        kinds = {topic: SENT_AS[kind] for topic, kind in outputs.items()}
        self._named = contract.interface.joints
        self._measured = [full_name(namespace, topic) for topic in joints]
        self._takers: dict[str, tuple[str, Taker]] = dict.fromkeys(
            self._measured, (Message.JOINT_STATE.value, self._joints)
        )
        self._takers |= {full: (kinds[topic], self._command) for full, topic in self._outputs.items()}
        self._takers |= {
            namespace + CERTIFICATE: (ARRAY, self._certificate),
            namespace + EXECUTED: (messages.TRAJECTORY, self._note_executed),
            namespace + "command_node/limits": ("diagnostic_msgs/msg/DiagnosticStatus", self._limits),
            namespace + "emergency_stop": ("std_msgs/msg/Bool", self._emergency),
        }
        self._chunks = {sender: namespace + topic for sender, topic in CHUNKS.items()}
        self._takers |= dict.fromkeys(self._chunks.values(), (messages.TRAJECTORY, self._chunk))
        self._unheard = {
            full: Unheard(full, What.CHUNK_UNKNOWN, "chunk", "played") for full in self._chunks.values()
        }
        self._unheard |= {full: Unheard(full, What.AGE, "joint state", "used") for full in self._measured}
        self.nodes = {namespace}
        self._namespace = namespace
        self._sent: list[Sent] = []
        self._executed: dict[int, Before] = {}
        self._seen: set[str] = set()
        self._is_complete = False
        self._beginning = round(BEGINNING_S * 1e9 / contract.tick_ns)

    def concerned(self, recorded: Iterable[Recorded]) -> Iterator[Recorded]:
        """Those of its topics; `nodes` has the namespaces of all command nodes that were met on the way."""
        for message in recorded:
            if (namespace := namespace_of(message)) is not None:
                self.nodes.add(namespace)
            if message.topic in self._takers:
                yield message

    def take(self, message: Recorded) -> None:
        """The next message of its topics in the order of sending."""
        kind, taker = self._takers[message.topic]
        self._seen.add(message.topic)
        if message.topic in self._unheard:
            self.report.add(self._unheard[message.topic].hear(message.sequence))
        try:
            if message.type_name != kind:
                raise UnreadableMessage(message.topic, kind, f"it was recorded as {message.type_name}")
            taker(message, decode(message))
        except (QgfError, ValueError, ArithmeticError) as error:
            # whoever wrote the bag: numbers that no computation can take are a violation, not the end of verifying
            self.report.add(
                [Violation(What.UNREADABLE, message.sent_ns, 0, message.topic, "it can be read", str(error))]
            )

    def finish(self, facts: Mapping[str, str]) -> None:
        """After the last message: what is left over, and what the recorder says is missing."""
        for entry in self._unheard.values():
            self.report.add(entry.finish())
            self.report.notes += entry.notes
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
        for full in sorted(set(self._takers) - self._seen - {self._chunks[Sender.TELEOP]}):
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
        if len(self._sent) < MOST_BETWEEN:
            self._sent.append(messages.read_sent(self._outputs[recorded.topic], recorded.type_name, message))

    def _note_executed(self, recorded: Recorded, message: Any) -> None:
        if len(self._executed) < MOST_BETWEEN:
            stamp, command = messages.read_executed(message)
            self._executed[stamp] = command

    def _limits(self, recorded: Recorded, message: Any) -> None:
        self.report.add(self._verifier.limits(texts_of(message)))

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
        found = self._verifier.tick(certificate, stamp, sent if is_whole else None, executed)
        self.report.add(self._without_unheard(found, certificate, stamp))
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

    def _without_unheard(
        self, found: list[Violation], certificate: Certificate, stamp_ns: int
    ) -> list[Violation]:
        """What holds although the recorder may have been late for the chunk in play or the joint states used."""
        found = self._unheard[self._chunks[Sender.of(certificate.checkpoint)]].judge(found)
        used = zip(self._named, used_stamps(certificate.joint_ages_s, stamp_ns), strict=False)
        stamps = {joint: str(used_ns) for joint, used_ns in used}  # an announcement has none
        for topic in self._measured:
            found = self._unheard[topic].judge(found, stamps)
        return found


def verify_bag(
    folder: Path, contract: Contract, facts: Mapping[str, str], allowance: Allowance = REAL_TIME
) -> Report:
    """What a bag's commands are worth under a contract; `facts` as its recorder noted them.

    Raises:
        NotVerifiableError: it holds no certificates, or those of several command nodes.
        UnreadableFileError: the contract's model cannot be read.
    """
    verifier = BagVerifier(contract, first_namespace(folder), allowance)
    problem = ""
    source = in_order_of_sending(verifier.concerned(read_bag(folder)))
    while True:
        try:
            message = next(source)
        except StopIteration:
            break
        except QgfError as error:
            problem = str(error)
            break
        verifier.take(message)
    if len(verifier.nodes) > 1:
        names = ", ".join(sorted(verifier.nodes))
        raise NotVerifiableError(
            folder, f"it has certificates of {len(verifier.nodes)} command nodes: {names}"
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
