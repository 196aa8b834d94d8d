"""Which chunk the command node waits for, and which of those that come it takes."""

from __future__ import annotations

from qgf_ros.control.monitor import FUTURE_TOLERANCE_NS
from qgf_ros.datatypes import ActionChunk, Sender
from qgf_ros.errors import ChunkRefused

MALFORMED = ("names", "shape", "not_finite", "bad_speed")  # its sender is broken
UNSAFE = (
    "unreachable",
    "collision",
    "workspace",
)  # asked for anew after a control period: the state must change first
IGNORED = (
    "not_in_command",
    "unwanted",
    "outdated",
    "future",
    "repeated",
    "not_running",
)  # the one that was asked for may still come
SILENCE_NS = 250_000_000  # after so long a teleoperator that was asked for a chunk has let go, or is lost


class ChunkRequest:
    """State: of whom a chunk is asked, and from which observation on it may be. One thread.

    `in_command`: who is asked. `wanted_from_ns`: 0 while none is asked for. `not_before_ns`: chunks from observations before the
    last hold are never played.
    """

    def __init__(self, max_age_s: float, in_command: Sender = Sender.POLICY) -> None:
        self._max_age_s = max_age_s
        self.in_command = in_command
        self.wanted_from_ns = 0
        self.not_before_ns = 0

    def check_sender(self, sender: Sender) -> None:
        """Returns where the sender is in command. Raises ChunkRefused, reason `not_in_command`."""
        if sender is not self.in_command:
            found = f"A chunk came from {sender.value}, and {self.in_command.value} is in command"
            raise ChunkRefused("not_in_command", f"{found}; it was not played.")

    def silence(self, now_ns: int) -> str:
        """Why an arm that moves must be braked, where a person is in command and does not answer; else empty."""
        is_asked = self.in_command is Sender.TELEOP and self.wanted_from_ns > 0
        if not is_asked or now_ns - self.wanted_from_ns <= SILENCE_NS:
            return ""
        return (
            f"Teleoperation is in command and has sent no chunk for {SILENCE_NS * 1e-9:g} s: the arm brakes."
        )

    def check(self, chunk: ActionChunk, now_ns: int, is_due: bool) -> None:
        """Returns where the chunk is the one that is asked for, at node time `now_ns`; `is_due`: the arm has use for one.

        Raises:
            ChunkRefused: reason `not_in_command`, `unwanted`, `outdated`, `stale` or `future`.
        """
        self.check_sender(chunk.sender)
        age_s = (now_ns - chunk.stamp_ns) * 1e-9
        if not is_due or not self.wanted_from_ns:
            raise ChunkRefused("unwanted", "A chunk came that was not asked for; it was not played.")
        if chunk.stamp_ns < self.wanted_from_ns:
            raise ChunkRefused(
                "outdated", "The chunk's observation is older than the request; it was not played."
            )
        if age_s > self._max_age_s:
            sentence = f"The chunk's observation is {age_s:.3f} s old, {self._max_age_s:g} s are allowed; another is asked for."
            raise ChunkRefused("stale", sentence)
        if chunk.stamp_ns > now_ns + FUTURE_TOLERANCE_NS:
            raise ChunkRefused(
                "future", f"The chunk's observation lies {-age_s:.3f} s in the future: check the clocks."
            )
