"""`qgf inspect` tells what is there, what is missing, and what lies far out, of a bag and of any data set."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints_with_command
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from played_bags import executed, joints, surrounded, write

from qgf_ros.bags.census import take_census
from qgf_ros.bags.mcap_index import read_mcap_index
from qgf_ros.bags.storage import Storage
from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.recording import Column, Recording
from qgf_ros.data.summary import SAMPLED, Summary


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(two_joints_with_command(tmp_path))


def inspected(path: Path, folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and figures."""
    code = main(["inspect", str(path), "--json", str(folder / "figures.json"), *more])
    return code, json.loads((folder / "figures.json").read_text())


def named(found: dict[str, Any], column: str) -> list[tuple[str, str]]:
    """Names and units of a column's components."""
    return [(entry["name"], entry["unit"]) for entry in found["columns"][column]]


def test_a_bag_is_told_by_topics_episodes_and_components(contract: Contract, tmp_path: Path) -> None:
    code, found = inspected(write(tmp_path / "bag", surrounded(30, 30), contract), tmp_path)
    topics = {topic["name"]: topic for topic in found["topics"]}
    assert code == 0
    assert topics["/joint_states"]["messages"] == 30 * 5 + 16
    assert topics["/joint_states"]["rate_hz"] == pytest.approx(100.0)
    assert topics["/command_node/action"]["rate_hz"] == pytest.approx(20.0)
    assert (found["episodes"], found["rows"], found["unmarked"], found["left_out"]) == (1, 31, 1, {})
    assert found["silent"] == []
    shoulder = found["columns"]["observations"][0]
    assert (shoulder["name"], shoulder["unit"]) == ("angles shoulder", "rad")
    assert (shoulder["least"], shoulder["most"]) == (pytest.approx(0.03), pytest.approx(0.18))
    assert found["parity"]["live"] == 0


def test_a_topic_that_fell_silent_for_a_while_has_a_gap(contract: Contract, tmp_path: Path) -> None:
    said = [entry for entry in surrounded(30, 30) if entry not in [joints(tick) for tick in range(60, 90)]]
    _, found = inspected(write(tmp_path / "bag", said, contract), tmp_path)
    topics = {topic["name"]: topic for topic in found["topics"]}
    assert (topics["/joint_states"]["gaps"], topics["/command_node/executed"]["gaps"]) == (1, 0)
    assert topics["/joint_states"]["longest_gap_s"] == pytest.approx(0.31)


def test_a_topic_that_fell_silent_before_the_end_of_a_bag_is_told(
    contract: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [entry for entry in surrounded(30, 60) if entry not in [joints(tick) for tick in range(150, 500)]]
    _, found = inspected(write(tmp_path / "bag", said, contract), tmp_path)
    topics = {topic["name"]: topic for topic in found["topics"]}
    assert topics["/joint_states"]["silent_at_end_s"] == pytest.approx(1.9, abs=0.1)
    assert "/joint_states says nothing in the last 1.9 s" in capsys.readouterr().out
    assert topics["/command_node/executed"]["silent_at_end_s"] == 0.0


def test_a_topic_that_is_needed_and_was_not_recorded_is_named(
    contract: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [entry for entry in surrounded(30, 3) if entry.topic != "/goal_pose"]
    _, found = inspected(write(tmp_path / "bag", said, contract), tmp_path)
    assert found["silent"] == ["/goal_pose"]
    assert "SILENT: /goal_pose" in capsys.readouterr().out


def test_of_a_bag_that_cannot_become_episodes_the_topics_are_told_and_why_not(
    contract: Contract, tmp_path: Path
) -> None:
    code, found = inspected(write(tmp_path / "bag", [joints(1), executed(1)], contract), tmp_path)
    assert code == 1
    assert "has the actions of no one command node" in found["problem"]
    assert len(found["topics"]) == 2
    assert "columns" not in found


def test_of_a_damaged_bag_what_stands_before_the_damage_is_told(contract: Contract, tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", surrounded(30, 60), contract)
    [file] = bag.glob("*.mcap")
    content = bytearray(file.read_bytes())
    content[content.index(b"zstd") + 200] ^= 255
    file.write_bytes(content)
    code, found = inspected(bag, tmp_path)
    assert code == 1
    assert "is not an undamaged mcap file" in found["problem"]


def test_of_a_long_bag_the_first_rows_are_looked_at_and_topics_as_a_whole(
    contract: Contract, tmp_path: Path
) -> None:
    said = [entry for start in range(100, 1100, 100) for entry in surrounded(start, 6)]
    bag = write(tmp_path / "bag", said, contract)
    _, found = inspected(bag, tmp_path, "--rows", "20")
    _, whole = inspected(bag, tmp_path, "--rows", "0")
    assert (found["looked_at"], whole["looked_at"]) == (3, 10)
    assert found["topics"] == whole["topics"]


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("is_finished", [True, False])
def test_an_index_tells_what_counting_all_messages_does(
    contract: Contract, tmp_path: Path, storage: Storage, is_finished: bool
) -> None:
    said = [entry for start in range(100, 400, 100) for entry in surrounded(start, 6)]
    bag = write(tmp_path / "bag", said, contract, storage, is_finished)
    census = take_census(bag)
    for name in {entry.topic for entry in said}:
        own, topic = [entry for entry in said if entry.topic == name], census.topics[name]
        assert topic.type_name == own[0].kind
        assert sorted(topic.received) == sorted(float(entry.sent_ns) for entry in own)
    counted = sum(len(entry.data) for entry in said)
    assert counted <= census.bytes <= counted + 20_000  # definitions lie among the messages


def test_an_index_that_does_not_add_up_is_not_believed(contract: Contract, tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", surrounded(100, 6), contract)
    [file] = bag.glob("*.mcap")
    expected = take_census(bag)
    assert read_mcap_index(file) is not None
    content = file.read_bytes()
    place = content.index(bytes([0x07]) + struct.pack("<Q", 6 + 16 * 6))  # the index of the six actions
    file.write_bytes(content[:place] + bytes([0x90]) + content[place + 1 :])
    assert read_mcap_index(file) is None
    assert take_census(bag).count == expected.count


def test_a_data_set_is_told_too_and_what_does_not_fit_a_contract_is_refused_by_name(
    contract: Contract, tmp_path: Path
) -> None:
    bag, path = write(tmp_path / "bag", surrounded(30, 30), contract), str(contract.path)
    assert main(["convert", str(bag), str(tmp_path / "data"), "--contract", path]) == 0
    code, found = inspected(tmp_path / "data", tmp_path, "--contract", path)
    assert (code, found["format"], found["episodes"], found["refused"]) == (0, "ogbench", 1, [])
    assert "topics" not in found
    _, recorded = inspected(bag, tmp_path)
    for column in ("observations", "actions"):
        assert named(found, column) == named(recorded, column)
    arrays = dict(np.load(tmp_path / "data" / "slice-0000.npz"))
    assert list(found["columns"]) == [name for name in arrays if name in found["columns"]]
    del arrays["interface"]
    np.savez(tmp_path / "foreign.npz", **arrays)
    _, found = inspected(tmp_path / "foreign.npz", tmp_path, "--contract", path)
    assert "names no components" in found["refused"][0]["problem"]


def recording(values: np.ndarray, name: str = "a") -> Recording:
    return Recording(name, {"column": Column(values)}, None)


@given(rows=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_least_most_and_mean_are_those_of_all_rows_however_they_are_cut(rows: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(sum(rows), 2))
    summary = Summary()
    for part in np.split(values, np.cumsum(rows)[:-1]):
        summary.add(recording(part))
    for place, found in enumerate(summary.columns["column"].components()):
        column = values[:, place]
        assert (found.least, found.most) == (column.min(), column.max())
        assert found.mean == pytest.approx(column.mean())
        low, high = found.histogram_ends
        assert sum(found.histogram) == ((column >= low) & (column <= high)).sum()
        assert found.least <= low < high <= found.most or len(column) == 1


def test_a_value_far_out_or_not_finite_is_counted() -> None:
    values = np.random.default_rng(0).normal(size=(1000, 3))
    values[7, 1], values[9, 2] = 100.0, np.nan
    summary = Summary()
    summary.add(recording(values))
    usual, far, broken = summary.columns["column"].components()
    assert (usual.outliers, usual.not_finite) == (0.0, 0)
    assert (far.outliers, far.most) == (pytest.approx(1e-3), 100.0)
    assert (broken.outliers, broken.not_finite) == (0.0, 1)


def test_of_many_rows_an_evenly_spread_sample_is_kept() -> None:
    summary = Summary()
    for begin in range(0, 5 * SAMPLED, 7001):
        rows = np.arange(begin, min(begin + 7001, 5 * SAMPLED), dtype=np.float64)
        summary.add(recording(rows))
    [found] = summary.columns["column"].components()
    assert (found.least, found.most) == (0.0, 5.0 * SAMPLED - 1)
    assert max(found.histogram) - min(found.histogram) <= 2
    assert SAMPLED / 2 <= sum(found.histogram) <= SAMPLED


def test_a_census_counts_every_message_of_every_topic(contract: Contract, tmp_path: Path) -> None:
    census = take_census(write(tmp_path / "bag", surrounded(30, 3), contract))
    assert census.count == sum(topic.count for topic in census.topics.values()) == 31 + 31 + 21 + 3
    assert sum(census.topics["/joint_states"].timeline(*census.span)) == 31
