"""Reads the runs of a bag as recordings: rows of what was known and what was done, with names and units."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qgf_ros.bags.reader import read_bag, read_facts
from qgf_ros.bags.recorded import WHOLE, Span
from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.assemble import Assembler, ForwardKinematics
from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.contract.travel import CONTRACT, unpack_contract
from qgf_ros.data.columns import NORMALISED
from qgf_ros.data.formats.bag_actions import Run
from qgf_ros.data.formats.bag_images import BagImages
from qgf_ros.data.formats.bag_inputs import BagInputs
from qgf_ros.data.formats.bag_parity import Parity, ParityCheck
from qgf_ros.data.formats.bag_rows import Part, RowMaker
from qgf_ros.data.formats.final_row import FINAL_ROW, Arrays, with_final_row
from qgf_ros.data.recording import Column, Recording
from qgf_ros.errors import MissingFileError, NoContractError

SEEN, DONE, HUMAN, STAMPS = "observations", "actions", "human", "stamps_ns"
BEFORE_NS = (
    30_000_000_000  # of the wall: readings from so long before a run may still be the newest ones in it
)

Arm = Callable[[Contract], ForwardKinematics | None]
"""Makes the kinematics of a contract's arm; None where it names none."""


def no_arm(_contract: Contract) -> ForwardKinematics | None:
    """None: for contracts whose terms need none."""
    return None


@dataclass(frozen=True)
class Share:
    """Runs of a bag one after the other, the first of them number `begin`, of the nodes in a namespace."""

    namespace: str
    begin: int
    runs: list[Run]


class BagReader:
    """State: what was left out so far: how many of what, and of the first one why."""

    def __init__(
        self, folder: Path, arm: Arm, stated: Contract | None, with_images: bool = False, span: Span = WHOLE
    ) -> None:
        """As `BagSource`, whose runs it reads. Raises NoContractError."""
        self._folder, self._with_images, self.span = folder, with_images, span
        self.contract, self._assembler = _under(folder, arm, stated)
        self.period_ns = round(self.contract.interface.control_period_s * 1e9)
        self.left_out: Counter[str] = Counter()
        self.why: dict[str, str] = {}

    def recordings(self, share: Share) -> Iterator[Recording]:
        """Each run of actions with their observations. Raises UnreadableFileError, TooManyAtOnce."""
        cameras = BagImages(share.namespace) if self._with_images else None
        since_ns = share.runs[0].begun[0].sent_ns - BEFORE_NS if share.begin else 0
        inputs, span = (
            BagInputs(self.contract, share.namespace),
            self.span._replace(since_ns=max(since_ns, 0)),
        )
        rows = RowMaker(self._folder, self._assembler, inputs, cameras, span)
        for number, run in enumerate(share.runs, share.begin):
            for count, part in enumerate(rows.parts(run, self.period_ns)):
                name = f"{self._folder.name}/{number}" + (f".{count}" if count else "")
                yield self._recording(name, run, part)
            self.left_out, self.why = rows.left_out, rows.why

    def parity(self, namespace: str, most: int) -> Parity:
        """As of `BagSource`."""
        check = ParityCheck(self.contract, self._assembler, namespace)
        return check.run(read_bag(self._folder, check.concerns, self.span), most)

    def _recording(self, name: str, run: Run, part: Part) -> Recording:
        interface, end = self.contract.interface, part.begin + len(part.seen)
        begun = run.begun[part.begin : end]
        has_final_row = len(begun) < len(part.seen)
        actions = _normalised(np.array([entry.values for entry in begun]), interface)
        stamps = [entry.stamp_ns for entry in begun] + [begun[-1].stamp_ns + self.period_ns] * has_final_row
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
    return np.clip(ActionRange(interface.action).normalised(actions), -1.0, 1.0).astype(np.float32)
