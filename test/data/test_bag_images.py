"""Images in a bag travel along with the rows, each with the newest that its camera had shown by then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints_with_command

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from played_bags import Said, image, later, surrounded, write

from qgf_ros.bags.recorded import Recorded
from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_images import image_of
from qgf_ros.data.formats.bag_reader import no_arm
from qgf_ros.data.formats.bag_rows import MOST_BYTES, Part
from qgf_ros.data.recording import Recording
from qgf_ros.errors import UnreadableMessage


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(two_joints_with_command(tmp_path))


def source_of(folder: Path, contract: Contract, said: list[Said]) -> BagSource:
    return BagSource(write(folder, [*surrounded(30, 10), *said], contract), no_arm, with_images=True)


def red(recording: Recording) -> list[int]:
    return recording.columns["wrist_image_raw"].values[:, 0, 0, 0].tolist()


def shots(*ticks: int) -> list[Said]:
    return [image(tick) for tick in ticks]


def test_a_row_has_the_newest_image_that_was_sent_before_its_action(
    contract: Contract, tmp_path: Path
) -> None:
    said = [later(image(39), 3), *shots(*range(24, 39, 3), *range(42, 90, 3))]
    [found] = source_of(tmp_path / "bag", contract, said).recordings()
    assert found.columns["wrist_image_raw"].values.shape == (11, 2, 4, 3)
    assert red(found) == [30, 33, 36, 45, 48, 54, 60, 63, 69, 75, 78]


def test_images_stay_where_they_are_unless_they_are_asked_for(contract: Contract, tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", [*surrounded(30, 3), *shots(*range(24, 60))], contract)
    [found] = BagSource(bag, no_arm).recordings()
    assert "wrist_image_raw" not in found.columns


def test_rows_before_a_camera_s_first_image_and_after_it_stood_still_are_left_out(
    contract: Contract, tmp_path: Path
) -> None:
    bag = write(tmp_path / "bag", [*surrounded(30, 20), *shots(31)], contract)
    source = BagSource(bag, no_arm, with_images=True)
    [found] = source.recordings()
    assert len(red(found)) == len(range(35, 82, 5))
    assert source.left_out == {
        "1 rows (missing)": "There is no image of wrist_image_raw yet.",
        "9 rows (stale)": "The newest image of wrist_image_raw is 0.540 s old.",
    }


@pytest.mark.parametrize(
    ("encoding", "pixel"),
    [("rgb8", [50, 1, 2]), ("bgr8", [50, 1, 2]), ("rgba8", [50, 1, 2]), ("mono8", [50] * 3)],
)
@pytest.mark.parametrize("padding", [0, 3])
def test_every_encoding_of_eight_bits_becomes_red_green_and_blue(
    encoding: str, pixel: list[int], padding: int
) -> None:
    assert np.unique(image_of(recorded(image(50, encoding, padding))), axis=0).tolist() == [[pixel] * 4]


def recorded(said: Said) -> Recorded:
    return Recorded(said.topic, said.kind, said.sent_ns, said.sent_ns, 0, said.data)


def test_another_encoding_is_named_with_those_that_are_read() -> None:
    with pytest.raises(
        UnreadableMessage, match="its encoding is '16UC1', and rgb8, bgr8, rgba8, bgra8, mono8 are read"
    ):
        image_of(recorded(image(50, "16UC1")))


def test_an_image_whose_sizes_do_not_fit_is_refused() -> None:
    said = recorded(image(50))
    with pytest.raises(UnreadableMessage):
        image_of(said._replace(data=said.data[:-8]))


def test_another_size_of_image_begins_another_recording(contract: Contract, tmp_path: Path) -> None:
    said = [*shots(*range(24, 55, 3)), *(image(tick, width=6) for tick in range(54, 99, 3))]
    found = list(source_of(tmp_path / "bag", contract, said).recordings())
    assert [entry.columns["wrist_image_raw"].values.shape[2] for entry in found] == [4, 6]


def test_so_many_images_as_memory_takes_make_a_recording() -> None:
    part, half = Part(0), {"wrist": np.zeros((1024, MOST_BYTES // 6 // 1024, 3), np.uint8)}
    assert part.takes(half)
    part.add(np.zeros(3, np.float32), half)
    assert part.takes(half)
    part.add(np.zeros(3, np.float32), half)
    part.add(np.zeros(3, np.float32), half)
    assert not part.takes(half)


def test_convert_writes_them(contract: Contract, tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", [*surrounded(30, 5), *shots(*range(24, 70, 3))], contract)
    words = ["convert", str(bag), str(tmp_path / "data"), "--contract", str(contract.path), "--images"]
    assert main(words) == 0
    assert np.load(tmp_path / "data" / "slice-0000.npz")["wrist_image_raw"].shape == (6, 2, 4, 3)
