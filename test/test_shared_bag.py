"""Several processes read a bag as one does: the same recordings in the same order, and as much left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints_with_command

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from played_bags import joints, surrounded, write

from qgf_ros.bags.reader import read_bag
from qgf_ros.bags.recorded import Span, every_topic
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import METADATA
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_reader import no_arm
from qgf_ros.errors import NoContractError
from qgf_ros.evaluate.shared_bag import SharedBag


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(two_joints_with_command(tmp_path))


def test_recordings_and_what_is_left_out_are_those_of_one_process(contract: Contract, tmp_path: Path) -> None:
    """Runs lie minutes apart, so that each process passes over what comes before its own."""
    missing = [joints(tick) for tick in range(7003, 7021)]
    said = [entry for start in range(1000, 13000, 3000) for entry in surrounded(start, 6)]
    said = [entry for entry in [*said, *surrounded(7000, 9)] if entry not in missing]
    folder = write(tmp_path / "bag", said, contract)
    (folder / METADATA).unlink()
    alone, shared = BagSource(folder, no_arm, contract), BagSource(folder, no_arm, contract)
    expected = list(alone.recordings())
    source = SharedBag(folder, shared, contract, processes=2)
    found = list(source.recordings())
    assert [entry.name for entry in found] == [entry.name for entry in expected]
    assert len(found) > 4
    assert source.left_out == alone.left_out
    assert source.left_out
    for one, other in zip(expected, found, strict=True):
        assert one.columns.keys() == other.columns.keys()
        for name, column in one.columns.items():
            np.testing.assert_array_equal(other.columns[name].values, column.values)


def test_what_a_process_cannot_do_is_the_sentence_of_one(contract: Contract, tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", [*surrounded(100, 6), *surrounded(300, 6)], contract)
    source = BagSource(folder, no_arm, contract)
    (folder / METADATA).unlink()
    with pytest.raises(NoContractError, match="its recorder noted none"):
        list(SharedBag(folder, source, None, processes=2).recordings())


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("is_finished", [True, False])
def test_of_a_span_all_its_messages_are_read_and_none_after_it(
    contract: Contract, tmp_path: Path, storage: Storage, is_finished: bool
) -> None:
    said = [entry for start in range(1000, 9000, 1000) for entry in surrounded(start, 60)]
    folder = write(tmp_path / "bag", said, contract, storage, is_finished)
    times = sorted(entry.sent_ns for entry in said)
    since, until = times[len(times) // 3], times[len(times) // 2]
    found = [message.received_ns for message in read_bag(folder, every_topic, Span(since, until))]
    assert [moment for moment in found if moment >= since] == [
        moment for moment in times if since <= moment <= until
    ]
    assert max(found) <= until
