"""robomimic files that lie, lead elsewhere, are cut short or changed: refused with a sentence, whatever the library does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.bounds import EPISODE_BYTES
from qgf_ros.data.formats.apart import Apart
from qgf_ros.data.formats.robomimic import LAYOUT, RobomimicSource
from qgf_ros.errors import MissingFileError, UnreadableFileError
from test.data.robomimic_files import h5py, read, written


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


def test_a_module_that_lies_beside_the_data_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "demos.hdf5")
    for name in ("h5py", "json", "qgf_ros"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert len(read(path)) > 1
