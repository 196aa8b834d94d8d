"""What a recorder writes: a bag, the last seconds on demand, and an audit of both."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("mcap", reason="needs mcap")
from hypothesis import given
from hypothesis import strategies as st
from recorded_bags import write_definitions

from qgf_ros.bags.audit import Audit
from qgf_ros.bags.episodes import Outcome
from qgf_ros.bags.reader import read_bag, read_facts
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.tape import Tape
from qgf_ros.errors import CannotWriteError, FolderExistsError, InvalidSetting, NotReadyError

S = 1_000_000_000
BOOL = "std_msgs/msg/Bool"
TRUE = b"\x00\x01\x00\x00\x01"


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """Where message definitions lie."""
    write_definitions(tmp_path / "definitions")
    return [tmp_path / "definitions"]


def tape(
    folder: Path | None, saved: Path | None, places: list[Path], storage: Storage = Storage.MCAP
) -> Tape:
    audit = Audit(["/joints", "/never"], {"/joints": 0.1})
    made = Tape(folder, saved, places, storage, audit, {"contract": "digest"})
    made.add_topic("/joints", BOOL)
    made.add_topic("/limits", BOOL, is_held=True)
    return made


def fill(made: Tape, count: int, begin: int = 0, lost: tuple[int, ...] = ()) -> None:
    """So many messages, ten a second, numbered from 1; those in `lost` do not come."""
    for number in range(begin, begin + count):
        if number not in lost:
            made.write("/joints", TRUE, number * S // 10, number * S // 10, number + 1, b"publisher")


@pytest.mark.parametrize("storage", list(Storage), ids=[kind.value for kind in Storage])
def test_the_bag_has_all_and_save_the_last_thirty_seconds_and_what_holds(
    tmp_path: Path, places: list[Path], storage: Storage
) -> None:
    made = tape(tmp_path / "bag", tmp_path / "saved", places, storage)
    made.write("/limits", TRUE, 0, 0, 1, b"node")
    fill(made, 500)
    path, seconds = made.save(0)
    made.close()
    assert len(list(read_bag(tmp_path / "bag"))) == 501
    saved = list(read_bag(path))
    assert seconds == pytest.approx(30.0)
    assert [entry.topic for entry in saved].count("/limits") == 1
    assert next(entry.received_ns for entry in saved if entry.topic == "/joints") == 499 * S // 10 - 30 * S
    assert read_facts(path)["contract"] == "digest"
    assert path.parent == tmp_path / "saved"


def test_without_a_bag_nothing_reaches_the_disk_until_it_is_saved(tmp_path: Path, places: list[Path]) -> None:
    made = tape(None, tmp_path / "saved", places)
    fill(made, 10)
    made.sync()
    assert not (tmp_path / "saved").exists()
    first, _ = made.save(1 * S)
    fill(made, 10, begin=10)
    second, _ = made.save(2 * S)
    assert (len(list(read_bag(first))), len(list(read_bag(second)))) == (10, 20)
    made.close()


def test_what_cannot_be_saved_is_said_and_recording_goes_on(tmp_path: Path, places: list[Path]) -> None:
    made = tape(tmp_path / "bag", None, places)
    with pytest.raises(NotReadyError, match="No ring is kept: give the parameter ring a folder"):
        made.save(0)
    made.close()
    made = tape(None, tmp_path / "file" / "saved", places)
    with pytest.raises(NotReadyError, match="Nothing has been heard yet"):
        made.save(0)
    fill(made, 10)
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError):
        made.save(0)
    fill(made, 10, begin=10)
    assert made.counts.total() == 20


def test_a_recorder_that_shall_write_nowhere_is_refused(places: list[Path]) -> None:
    with pytest.raises(InvalidSetting, match="the name of a new folder, or empty beside a ring"):
        tape(None, None, places)


def test_a_folder_that_exists_is_refused(tmp_path: Path, places: list[Path]) -> None:
    with pytest.raises(FolderExistsError):
        tape(tmp_path, None, places)


def test_the_audit_tells_what_is_silent_what_is_late_and_what_was_lost(
    tmp_path: Path, places: list[Path]
) -> None:
    made = tape(tmp_path / "bag", None, places)
    made.episodes.begin(0)
    made.episodes.end(Outcome.FAILURE, 1)
    fill(made, 100, lost=(50, 51))
    made.close()
    report = made.report()
    rows = {row.topic: row for row in report.rows}
    assert report.silent == ["/never"]
    assert rows["/never"].finding == "silent"
    joints = rows["/joints"]
    assert (joints.messages, joints.lost, joints.bytes) == (98, 2, 98 * len(TRUE))
    assert joints.longest_gap_s == pytest.approx(0.3)
    assert joints.rate_hz == pytest.approx(97 / 9.9)
    assert joints.finding == "nothing for 0.3 s, 0.1 s are allowed; 2 lost"
    assert report.figures["episodes"] == {"begun": 1, "success": 0, "failure": 1, "unmarked": 0}
    assert report.disk.used == sum(path.stat().st_size for path in (tmp_path / "bag").iterdir())
    assert report.seconds == pytest.approx(9.9)
    text = "\n".join(report.lines())
    assert "silent" in text
    assert "1 failure" in text


@given(st.lists(st.integers(1, S), min_size=1, max_size=50))
def test_the_longest_gap_is_the_greatest_difference_whatever_the_times(steps: list[int]) -> None:
    audit, now = Audit([], {}), 0
    audit.note("/a", 0, 1)
    for step in steps:
        now += step
        audit.note("/a", now, 1)
    [row] = audit.rows({})
    assert row.longest_gap_s == max(steps) * 1e-9
    assert row.rate_hz == len(steps) / (now * 1e-9)
