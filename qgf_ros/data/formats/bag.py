"""rosbag2: what a graph with a command node recorded, made into episodes: each action with what was known as it began.

The observation is made by the code that makes it on the robot (`contract/fields.py`, `contract/assemble.py`), under the contract
that travels in the recording. Two passes over the bag: one for the actions, one for the readings, of which about a second is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qgf_ros.bags.recorded import EVER_NS, Span, full_name
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.formats.bag_actions import read_played
from qgf_ros.data.formats.bag_parity import Parity
from qgf_ros.data.formats.bag_reader import Arm, BagReader, Share
from qgf_ros.data.recording import Recording


class BagSource:
    """State: what was played, and what of it was left out so far."""

    format = "rosbag2"

    def __init__(
        self,
        folder: Path,
        arm: Arm,
        stated: Contract | None = None,
        with_images: bool = False,
        until_ns: int = EVER_NS,
    ) -> None:
        """Reads the actions. `stated`: the contract where the recording brings none along; `with_images`: those of all cameras too.
        What came to the recorder after `until_ns` is not read.

        Raises:
            NoContractError: neither is there, or as `unpack_contract`.
            NoActionsError, UnfitRecording, UnreadableFileError: as `read_played`.
        """
        self.reader = BagReader(folder, arm, stated, with_images, Span(until_ns=until_ns))
        self.interface: Interface | None = self.reader.contract.interface
        self.rate_hz: float | None = 1.0 / self.reader.contract.interface.control_period_s
        self._played = read_played(folder, self.reader.contract.interface, self.reader.span)
        self._runs = self._played.runs(self.reader.period_ns)

    @property
    def left_out(self) -> dict[str, str]:
        """How many of what were left out, and for the first of them why."""
        counts = self._played.left_out + self.reader.left_out
        return {
            f"{number} {what}": self.reader.why.get(what, "") for what, number in counts.items() if number
        }

    @property
    def count(self) -> int:
        """How many runs there are; where rows within it cannot be made, one becomes several recordings."""
        return len(self._runs)

    def recordings(self) -> Iterator[Recording]:
        """Each run of actions with their observations. Raises UnreadableFileError, TooManyAtOnce."""
        return self.reader.recordings(self.share(0, len(self._runs)))

    def share(self, begin: int, end: int) -> Share:
        """The runs from number `begin` up to `end`, to be read by whatever reader of this bag."""
        return Share(self._played.namespace, begin, self._runs[begin:end])

    def parity(self, most: int = 0) -> Parity:
        """How many of the live policy node's observations are made again from the bag bit by bit; of the first `most` of them.

        Raises as `recordings`.
        """
        return self.reader.parity(self._played.namespace, most)

    def topics(self) -> list[str]:
        """Where the contract's inputs come from in this bag."""
        inputs = self.reader.contract.deployment.inputs.values()
        return [
            full_name(self._played.namespace, topic)
            for topic in dict.fromkeys(entry.topic for entry in inputs)
        ]
