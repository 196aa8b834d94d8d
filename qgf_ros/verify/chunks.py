"""Which chunks were there, so that the one in play can be checked: that it came, that it is the one, that it was young."""

from __future__ import annotations

from dataclasses import dataclass

from qgf_ros.certificate import Certificate, chunk_digest
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, Rung, Sender
from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

KEPT = 64  # chunks: seconds of them
BEGINNING_NS = 1_000_000_000
PLAYED = (Rung.CHUNK.value, Rung.TAIL.value)


@dataclass(frozen=True)
class Known:
    """A chunk that came: its number of actions, its sender's word for itself, its content's digest."""

    actions: int
    source: str
    digest: str


class ChunkBook:
    """State: the newest chunks, when one was last taken, and what the last certificate said of the one in play."""

    def __init__(self, contract: Contract, max_age_s: float) -> None:
        self._max_age_ns, self._tick_ns = round(max_age_s * 1e9), contract.tick_ns
        self._first_ns: int | None = None  # of the first tick
        self._known: dict[int, list[Known]] = {}  # by stamp: some chunks that bear the same are refused
        self.forget()

    def forget(self) -> None:
        """No chunk is in play."""
        self._last: Certificate | None = None
        self._taken_ns: int | None = None

    def begin(self, stamp_ns: int) -> None:
        """The recording still begins at this tick: chunks may have come before."""
        self._first_ns = stamp_ns

    def take(self, chunk: ActionChunk) -> None:
        """A chunk came."""
        known = self._known.setdefault(chunk.stamp_ns, [])
        known.append(Known(len(chunk.actions), chunk.source, chunk_digest(chunk)))
        del known[:-KEPT]
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]

    def announce(self, certificate: Certificate) -> None:
        """A certificate of no tick: it may ask for a chunk."""
        self._last = certificate

    def check(self, certificate: Certificate, stamp_ns: int, missed: int) -> list[Found]:
        """What is wrong with the chunk in play at this tick; `missed` ticks before it."""
        last, self._last = self._last, certificate
        self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
        if (
            last is not None
            and last.wants_chunk
            and not certificate.wants_chunk
            and certificate.rung in PLAYED
        ):
            self._taken_ns = stamp_ns - (1 + missed) * self._tick_ns
        stamp = certificate.chunk_stamp_ns
        if certificate.rung not in PLAYED or not stamp:
            return []
        found = _check_sender(certificate)
        came = self._known.get(stamp)
        if came is None and stamp < self._first_ns and self._may_precede(stamp, last, stamp_ns):
            return found
        if came is None:
            expected = "the chunk in play must have come"
            return [*found, (What.CHUNK_UNKNOWN, str(stamp), expected, "none of that stamp")]
        known = next((entry for entry in came if entry.digest == certificate.chunk), None)
        if known is None:
            known, digests = came[-1], ", ".join(entry.digest for entry in came)
            found.append((What.CHUNK_CHANGED, str(stamp), f"what came is {digests}", certificate.chunk))
        if not 0 <= certificate.begun <= known.actions or certificate.actions_left > known.actions:
            expected = f"the chunk has {known.actions} actions"
            found.append(
                (
                    What.CHUNK_PLACE,
                    str(stamp),
                    expected,
                    f"{certificate.begun} begun, {certificate.actions_left} left",
                )
            )
        if known.source and certificate.checkpoint != known.source:
            found.append(
                (
                    What.CHECKPOINT,
                    str(stamp),
                    f"the chunk came from {known.source}",
                    certificate.checkpoint or "none",
                )
            )
        if last is None or last.chunk_stamp_ns != stamp:
            return found + self._began(stamp, last)
        if certificate.checkpoint != last.checkpoint:
            found.append(
                (
                    What.CHECKPOINT,
                    str(stamp),
                    f"it was {last.checkpoint or 'none'}",
                    certificate.checkpoint or "none",
                )
            )
        if certificate.begun < last.begun or certificate.actions_left > last.actions_left:
            was = f"{last.begun} had begun and {last.actions_left} were left"
            found.append(
                (What.CHUNK_PLACE, str(stamp), was, f"{certificate.begun} and {certificate.actions_left}")
            )
        return found

    def _may_precede(self, stamp: int, last: Certificate | None, stamp_ns: int) -> bool:
        """Whether a chunk may have come before the recording began: it is in play at its beginning, or soon after."""
        assert self._first_ns is not None, "there was a tick"
        return last is None or last.chunk_stamp_ns == stamp or stamp_ns - self._first_ns < BEGINNING_NS

    def _began(self, stamp: int, last: Certificate | None) -> list[Found]:
        """A chunk takes over: newer than the last, and taken while it was young."""
        found: list[Found] = []
        if last is not None and last.rung in PLAYED and last.chunk_stamp_ns > stamp:
            found.append(
                (What.CHUNK_OLD, str(stamp), f"it follows one stamped {last.chunk_stamp_ns}", "an older one")
            )
        if self._taken_ns is not None and self._taken_ns - stamp > self._max_age_ns:
            expected = f"{self._max_age_ns * 1e-9:g} s are allowed when it is taken"
            found.append((What.CHUNK_OLD, str(stamp), expected, f"{(self._taken_ns - stamp) * 1e-9:.6g} s"))
        return found


def _check_sender(certificate: Certificate) -> list[Found]:
    """The chunk in play came from who is in command."""
    sender = Sender.of(certificate.checkpoint).value
    if certificate.in_command == sender:
        return []
    found = certificate.in_command or "nobody"
    return [(What.SENDER, "", f"a chunk of {sender} is played while {sender} is in command", found)]
