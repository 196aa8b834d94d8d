"""rosbag2: what a graph with a command node recorded, made into episodes: each action with what was known as it began.

The observation is made by the code that makes it on the robot (`contract/fields.py`, `contract/assemble.py`), under the contract
that travels in the recording. Two passes over the bag: one for the actions, one for the readings, of which about a second is kept.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qgf_ros.bags.reader import read_bag, read_facts
from qgf_ros.bags.recorded import EVER_NS, full_name
from qgf_ros.contract.assemble import Assembler, ForwardKinematics
from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.contract.travel import CONTRACT, unpack_contract
from qgf_ros.data.columns import NORMALISED
from qgf_ros.data.formats.bag_actions import Run, read_played
from qgf_ros.data.formats.bag_images import BagImages
from qgf_ros.data.formats.bag_inputs import BagInputs
from qgf_ros.data.formats.bag_parity import Parity, ParityCheck
from qgf_ros.data.formats.bag_rows import Part, RowMaker
from qgf_ros.data.formats.final_row import FINAL_ROW, Arrays, with_final_row
from qgf_ros.data.recording import Column, Recording
from qgf_ros.errors import MissingFileError, NoContractError

SEEN, DONE, HUMAN, STAMPS = "observations", "actions", "human", "stamps_ns"

Arm = Callable[[Contract], ForwardKinematics | None]
"""Makes the kinematics of a contract's arm; None where it names none."""


def no_arm(_contract: Contract) -> ForwardKinematics | None:
    """None: for contracts whose terms need none."""
    return None


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
        self._folder, self._until_ns = folder, until_ns
        self._contract, self._assembler = _under(folder, arm, stated)
        self.interface: Interface | None = self._contract.interface
        self.rate_hz: float | None = 1.0 / self._contract.interface.control_period_s
        self._period_ns = round(self._contract.interface.control_period_s * 1e9)
        self._played = read_played(folder, self._contract.interface, until_ns)
        self._runs = self._played.runs(self._period_ns)
        self._with_images = with_images
        self._rows: RowMaker | None = None

    @property
    def left_out(self) -> dict[str, str]:
        """How many of what were left out, and for the first of them why."""
        why = {} if self._rows is None else self._rows.why
        counts = self._played.left_out + (Counter() if self._rows is None else self._rows.left_out)
        return {f"{number} {what}": why.get(what, "") for what, number in counts.items() if number}

    @property
    def count(self) -> int:
        """How many runs there are; where rows within it cannot be made, one becomes several recordings."""
        return len(self._runs)

    def recordings(self) -> Iterator[Recording]:
        """Each run of actions with their observations. Raises UnreadableFileError, TooManyAtOnce."""
        namespace = self._played.namespace
        cameras = BagImages(namespace) if self._with_images else None
        inputs = BagInputs(self._contract, namespace)
        self._rows = RowMaker(self._folder, self._assembler, inputs, cameras, self._until_ns)
        for number, run in enumerate(self._runs):
            for count, part in enumerate(self._rows.parts(run, self._period_ns)):
                name = f"{self._folder.name}/{number}" + (f".{count}" if count else "")
                yield self._recording(name, run, part)

    def parity(self, most: int = 0) -> Parity:
        """How many of the live policy node's observations are made again from the bag bit by bit; of the first `most` of them.

        Raises as `recordings`.
        """
        check = ParityCheck(self._contract, self._assembler, self._played.namespace)
        return check.run(read_bag(self._folder, check.concerns, self._until_ns), most)

    def topics(self, more: Iterable[str] = ()) -> list[str]:
        """Of the contract's inputs, and `more` of the graph's names, the full ones in this bag."""
        inputs = [entry.topic for entry in self._contract.deployment.inputs.values()]
        return [full_name(self._played.namespace, topic) for topic in dict.fromkeys((*inputs, *more))]

    def _recording(self, name: str, run: Run, part: Part) -> Recording:
        interface, end = self._contract.interface, part.begin + len(part.seen)
        begun = run.begun[part.begin : end]
        has_final_row = len(begun) < len(part.seen)
        actions = _normalised(np.array([entry.values for entry in begun]), interface)
        stamps = [entry.stamp_ns for entry in begun] + [begun[-1].stamp_ns + self._period_ns] * has_final_row
        images = {name: np.stack(shots) for name, shots in part.images.items()}
        seen: Arrays = {**images, SEEN: np.stack(part.seen), STAMPS: np.array(stamps, np.int64)}
        done: Arrays = {DONE: actions, HUMAN: np.array([entry.is_a_persons for entry in begun])}
        arrays = (
            with_final_row(seen, done)
            if has_final_row
            else {**seen, **done, FINAL_ROW: np.zeros(len(begun), bool)}
        )
        columns = {array: Column(values) for array, values in arrays.items()}
        columns[SEEN] = Column(arrays[SEEN], component_names(interface), component_units(interface))
        columns[DONE] = Column(arrays[DONE], interface.action.names, (NORMALISED,) * interface.action_dim)
        columns[STAMPS] = Column(arrays[STAMPS], (STAMPS,), ("ns",))
        is_end = end >= len(run.begun)
        return Recording(name, columns, run.success if is_end else None, run.task)


def _under(folder: Path, arm: Arm, stated: Contract | None) -> tuple[Contract, Assembler]:
    """The contract that a bag brings along, else the one `stated`, and what makes observations under it.

    Raises:
        NoContractError: neither is there, or as `unpack_contract`.
    """
    try:
        facts = read_facts(folder)
    except MissingFileError:
        facts = {}
    if CONTRACT in facts:
        with tempfile.TemporaryDirectory(prefix="qgf_bag_") as place:
            contract = unpack_contract(facts, Path(place))
            return contract, Assembler(contract, arm(contract))
    if stated is None:
        raise NoContractError("its recorder noted none")
    return stated, Assembler(stated, arm(stated))


def _normalised(actions: npt.NDArray[np.float64], interface: Interface) -> npt.NDArray[np.float32]:
    """Physical actions (T, A) in [-1, 1] of their ranges."""
    centre = np.array([dimension.centre for dimension in interface.action.dimensions])
    scale = np.array([dimension.scale for dimension in interface.action.dimensions])
    return np.clip((actions - centre) / scale, -1.0, 1.0).astype(np.float32)
