"""Which chunk the command node waits for, and which of those that come it takes."""

from __future__ import annotations

from qgf_ros.control.monitor import FUTURE_TOLERANCE_NS
from qgf_ros.datatypes import ActionChunk
from qgf_ros.errors import ChunkRefused

MALFORMED = ("names", "shape", "not_finite", "bad_speed")  # its sender is broken
UNSAFE = (
    "unreachable",
    "collision",
    "workspace",
)  # asked for anew after a control period: the state must change first
IGNORED = (
    "unwanted",
    "outdated",
    "future",
    "repeated",
    "not_running",
)  # the one that was asked for may still come


class ChunkRequest:
    """State: from which observation on the chunk may be that is asked for. One thread.

    `wanted_from_ns`: 0 while none is asked for. `not_before_ns`: chunks from observations before the last hold are never played.
    """

    def __init__(self, max_age_s: float) -> None:
        self._max_age_s = max_age_s
        self.wanted_from_ns = 0
        self.not_before_ns = 0

    def check(self, chunk: ActionChunk, now_ns: int, is_due: bool) -> None:
        """Returns where the chunk is the one that is asked for, at node time `now_ns`; `is_due`: the arm has use for one.

        Raises:
            ChunkRefused: reason `unwanted`, `outdated`, `stale` or `future`.
        """
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
