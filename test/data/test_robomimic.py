"""robomimic's HDF5 as a source of recordings: nothing lost, nothing made up, nothing followed out of the file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.bounds import EPISODE_BYTES
from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import Mapped, Place, episode_of
from qgf_ros.data.formats.apart import Apart
from qgf_ros.data.formats.robomimic import LAYOUT, RobomimicSource
from qgf_ros.data.formats.robomimic_environment import Environment
from qgf_ros.data.recording import Recording
from qgf_ros.errors import InvalidSetting, MissingExtraError, MissingFileError, UnreadableFileError

h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'qgf_ros[data]'")

ROWS = {10: 4, 2: 5, 1: 6}  # steps by number of the demonstration
ENVIRONMENT = {
    "env_name": "Lift",
    "type": 1,
    "env_kwargs": {"control_freq": 20, "reward_shaping": False},
}


def written(path: Path, change: Callable[[Any], None] = lambda _: None) -> Path:
    """A file as robomimic writes it: packed observations and their successors, rewards of 1 in the last step of demo_1 alone."""
    draw = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps(ENVIRONMENT)
        data.attrs["total"] = sum(ROWS.values())
        for number, rows in ROWS.items():
            demo = data.create_group(f"demo_{number}")
            demo.attrs["num_samples"] = rows
            demo["actions"] = draw.uniform(-1, 1, (rows, 2))
            demo["states"] = draw.normal(size=(rows, 7))
            demo["rewards"] = np.where(np.arange(rows) == rows - 1, float(number == 1), 0.0)
            demo["dones"] = (np.arange(rows) == rows - 1).astype(np.int64)
            joints = draw.normal(size=(rows + 1, 3)).astype(np.float32)
            pixels = draw.integers(0, 256, (rows + 1, 8, 8, 3)).astype(np.uint8)
            for name, part in (("obs", slice(None, -1)), ("next_obs", slice(1, None))):
                demo.create_dataset(f"{name}/joints", data=joints[part], compression="gzip", shuffle=True)
                demo.create_dataset(f"{name}/image", data=pixels[part], compression="lzf")
        file["mask/train"] = np.array(["demo_10", "demo_2"], dtype="S8")
        file["mask/valid"] = ["demo_1"]
        change(file)
    return path


def read(path: Path, chosen: str | None = None) -> list[Recording]:
    return list(RobomimicSource(path, chosen).recordings())


def test_nothing_is_lost_and_the_last_observation_has_a_row(tmp_path: Path) -> None:
    path = written(tmp_path / "lift.hdf5")
    found = {entry.name.split("/")[1]: entry for entry in read(path)}
    with h5py.File(path) as file:
        for name, demo in file["data"].items():
            columns = found[name].columns
            rows = len(demo["actions"])
            assert found[name].rows == rows + 1
            for key in ("joints", "image"):
                seen = columns[f"obs/{key}"].values
                np.testing.assert_array_equal(seen[:-1], demo[f"obs/{key}"])
                np.testing.assert_array_equal(seen[1:], demo[f"next_obs/{key}"])
                assert seen.dtype == demo[f"obs/{key}"].dtype
            for key in ("actions", "states", "rewards", "dones"):
                np.testing.assert_array_equal(columns[key].values[:-1], demo[key])
                assert columns[key].values.dtype == demo[key].dtype


def test_the_last_row_repeats_an_action_and_claims_nothing_else(tmp_path: Path) -> None:
    for entry in read(written(tmp_path / "lift.hdf5")):
        values = {name: column.values for name, column in entry.columns.items()}
        assert values["final_row"].tolist() == [False] * (entry.rows - 1) + [True]
        np.testing.assert_array_equal(values["actions"][-1], values["actions"][-2])
        assert (values["rewards"][-1], values["dones"][-1]) == (0, 0)


def test_demonstrations_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    source = RobomimicSource(written(tmp_path / "lift.hdf5"))
    assert [entry.name for entry in source.recordings()] == ["lift/demo_1", "lift/demo_2", "lift/demo_10"]
    assert source.count == 3


def test_a_filter_picks_its_demonstrations(tmp_path: Path) -> None:
    path = written(tmp_path / "lift.hdf5")
    source = RobomimicSource(path, "train")
    assert set(source.filters()) == {"train", "valid"}
    assert [entry.name for entry in source.recordings()] == ["lift/demo_2", "lift/demo_10"]
    assert source.count == 2
    with pytest.raises(InvalidSetting, match="train or valid"):
        RobomimicSource(path, "test")


def test_rate_task_and_unit_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "lift.hdf5")
    assert RobomimicSource(path).rate_hz == 20.0
    [first, *_] = read(path)
    assert first.task == "Lift"
    assert first.columns["actions"].units == ("normalised", "normalised")
    assert first.columns["actions"].names == ()


def test_a_mapping_makes_an_episode_of_it(tmp_path: Path, interface: Interface) -> None:
    mapping = Mapped(
        {"joints": Place("obs/joints", start=0), "object_position": Place("obs/joints", start=0)},
        {name: Place("actions", start=place, unit="normalised") for place, name in enumerate(("one", "two"))},
    )
    [first, *_] = read(written(tmp_path / "lift.hdf5"))
    episode = episode_of(first, interface, mapping, is_trusted=False)
    np.testing.assert_allclose(episode.actions, first.columns["actions"].values, atol=1e-7)
    assert episode.success is True


@pytest.mark.parametrize(
    ("stated", "rewards", "success"),
    [
        (True, [0, 0, 1], True),
        (True, [0, 1, 0], True),  # reached, and left again
        (True, [0, 0, 0.5], False),  # one of two objects in its place
        (True, [0, 0, 2], None),  # on another scale
        (True, [0, np.nan, 1], None),
        (False, [0, 0, 1], None),
    ],
)
def test_success_is_told_only_by_rewards_of_which_the_file_says_what_they_are(
    stated: bool, rewards: list[float], success: bool | None
) -> None:
    assert Environment("", None, stated).success(np.array(rewards)) is success


def test_the_outcome_is_that_of_unshaped_rewards_and_else_open(tmp_path: Path) -> None:
    assert [entry.success for entry in read(written(tmp_path / "a.hdf5"))] == [True, False, False]

    def shaped(file: Any) -> None:
        file["data"].attrs["env_args"] = json.dumps({"env_kwargs": {"reward_shaping": True}})

    assert [entry.success for entry in read(written(tmp_path / "b.hdf5", shaped))] == [None] * 3


@pytest.mark.parametrize("lacking", ["obs", "next_obs", "next_obs/image", "rewards", "dones", "states"])
def test_a_file_may_lack_what_the_format_lets_it_lack(tmp_path: Path, lacking: str) -> None:
    def drop(file: Any) -> None:
        del file["mask"]
        for demo in file["data"].values():
            del demo[lacking]

    source = RobomimicSource(written(tmp_path / "lift.hdf5", drop))
    assert source.filters() == ()
    [first, *_] = source.recordings()
    extra = 0 if lacking.startswith(("obs", "next_obs")) else 1
    assert first.rows == ROWS[1] + extra, "no row is made up where an observation is missing for it"
    assert not any(name.split("/")[0] == lacking for name in first.columns)


def test_what_has_not_a_row_a_step_is_left_out_and_said(tmp_path: Path) -> None:
    def add(file: Any) -> None:
        for demo in file["data"].values():
            demo["datagen_info/source"] = np.arange(2)
            demo["seed"] = 3

    source = RobomimicSource(written(tmp_path / "lift.hdf5", add))
    assert all("seed" not in entry.columns for entry in source.recordings())
    assert source.left_out.keys() == {"datagen_info/source", "seed"}


def links(file: Any, path: str, link: Any) -> None:
    if path in file:
        del file[path]
    file[path] = link


SECRET = "/data/demo_1/obs/joints"
HOSTILE: dict[str, tuple[Callable[[Any], None], str]] = {
    "an external link": (
        lambda file: links(file, SECRET, h5py.ExternalLink("other.hdf5", SECRET)),
        "leads elsewhere",
    ),
    "an external link to the data": (
        lambda file: links(file, "data", h5py.ExternalLink("other.hdf5", "/data")),
        "leads elsewhere",
    ),
    "a soft link": (
        lambda file: links(file, SECRET, h5py.SoftLink("/data/demo_2/obs/joints")),
        "leads elsewhere",
    ),
    "a group within itself": (
        lambda file: links(file, "data/demo_1/obs/self", file["data/demo_1/obs"]),
        "nested more",
    ),
    "a virtual array": (lambda file: virtual(file), "lies in another file"),
    "values in another file": (
        lambda file: replaced(file, SECRET, (6, 3), "f4", external=[("other.hdf5", 0, h5py.h5f.UNLIMITED)]),
        "lies in another file",
    ),
    "references": (lambda file: replaced(file, SECRET, (6,), h5py.ref_dtype), "only plain numbers and texts"),
    "lists of any length": (
        lambda file: replaced(file, SECRET, (6,), h5py.vlen_dtype(np.float32)),
        "only plain numbers and texts",
    ),
    "records": (lambda file: replaced(file, SECRET, (6,), [("a", "f4"), ("b", "i4")]), "only plain numbers"),
    "more than an episode has": (
        lambda file: replaced(file, SECRET, (6, EPISODE_BYTES), "u1", chunks=(1, 2**20)),
        "bytes unpacked",
    ),
    "values that nobody wrote": (
        lambda file: replaced(file, SECRET, (6, 3), "f4", chunks=(1, 3)),
        "has 0 chunks",
    ),
    "a giant chunk": (
        lambda file: replaced(file, SECRET, (6, 3), "f4", chunks=(2**10, 2**18), maxshape=(None, None)),
        "has chunks of",
    ),
    "another filter": (
        lambda file: replaced(file, SECRET, (6, 3), "f4", data=np.zeros((6, 3), "f4"), fletcher32=True),
        "is packed by filters",
    ),
    "other rows than actions": (
        lambda file: replaced(file, SECRET, (5, 3), "f4", data=np.zeros((5, 3), "f4")),
        "actions has 6 rows",
    ),
    "other samples than stated": (
        lambda file: file["data/demo_1"].attrs.__setitem__("num_samples", 7),
        "states 7 samples",
    ),
    "no actions": (lambda file: file.__delitem__("data/demo_1/actions"), "lacks actions"),
    "no data": (lambda file: file.__delitem__("data"), "it lacks /data"),
    "another demonstration": (lambda file: file["data"].create_group("more"), "only demo_0"),
    "a filter of nothing": (
        lambda file: links(file, "mask/train", np.array(["demo_7"], dtype="S8")),
        "there is no such",
    ),
    "arguments that are no JSON": (lambda file: file["data"].attrs.__setitem__("env_args", "{"), "Expecting"),
    "arguments that are no text": (lambda file: file["data"].attrs.__setitem__("env_args", 3), "is no text"),
    "arguments without end": (
        lambda file: file["data"].attrs.__setitem__("env_args", "[" * 60_000),
        "nested more than",
    ),
}


def replaced(file: Any, path: str, shape: tuple[int, ...], dtype: Any, **options: Any) -> None:
    del file[path]
    file.create_dataset(path, shape, dtype, **options)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(6, 3), dtype="f4")
    layout[:] = h5py.VirtualSource("other.hdf5", SECRET, shape=(6, 3))
    del file[SECRET]
    file.create_virtual_dataset(SECRET, layout)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_leads_elsewhere_or_lies_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    written(tmp_path / "other.hdf5")  # what a link would lead to is there
    change, words = HOSTILE[name]
    path = written(tmp_path / "lift.hdf5", change)
    with pytest.raises(UnreadableFileError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} is not {LAYOUT}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, share: float) -> None:
    content = written(tmp_path / "lift.hdf5").read_bytes()
    (tmp_path / "cut.hdf5").write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableFileError, match=r"cut\.hdf5 is not in robomimic's HDF5 layout"):
        read(tmp_path / "cut.hdf5")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.hdf5").write_text("joints, actions\n" * 1000)
    with pytest.raises(UnreadableFileError):
        RobomimicSource(tmp_path / "a.hdf5")
    with pytest.raises(MissingFileError):
        RobomimicSource(tmp_path)


def test_a_file_at_which_the_library_turns_for_ever_is_refused(tmp_path: Path) -> None:
    """Found by changing bytes: HDF5 2.0 does not come back from a heap of texts whose free part has a length of zero."""
    path = written(tmp_path / "lift.hdf5")
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    place = heap + 16
    while content[place : place + 2] != b"\0\0":  # the objects before what is free
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    content[place + 8 : place + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"has not come back for 3 s|broke down"):
        Apart(path, LAYOUT, "robomimic_file", silent_s=3.0).facts()


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "lift.hdf5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py.*qgf_ros\[data\]"):
        RobomimicSource(path)


def test_who_wants_no_more_leaves_nothing_running(tmp_path: Path) -> None:
    recordings = RobomimicSource(written(tmp_path / "lift.hdf5")).recordings()
    next(recordings)
    recordings.close()  # type: ignore[attr-defined]
    assert list(recordings) == []


@given(st.integers(0, 2**20), st.integers(0, 255), st.integers(1, 4))
def test_changed_bytes_give_recordings_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, count: int
) -> None:
    base = tmp_path_factory.getbasetemp()
    if not (base / "whole.hdf5").exists():
        written(base / "whole.hdf5")
    content = bytearray((base / "whole.hdf5").read_bytes())
    for step in range(count):
        content[(place + 977 * step) % len(content)] = value
    (base / "changed.hdf5").write_bytes(bytes(content))
    try:
        found: object = list(
            Apart(base / "changed.hdf5", LAYOUT, "robomimic_file", silent_s=20.0).recordings()
        )
    except UnreadableFileError as error:
        found = str(error)
    assert found
