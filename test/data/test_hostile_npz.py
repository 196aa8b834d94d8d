"""Data sets that somebody made to harm: refused with a sentence, read in place or into memory, without the memory they ask for."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import read_slices
from qgf_ros.data.npz import open_arrays
from qgf_ros.errors import DatasetTooShort, QgfError, UnreadableFileError
from test.data.conftest import write_slice

ONE = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"
LIES = {
    "a petabyte": ONE.replace("(3,)", "(250000000000000,)"),
    "more values than there can be": ONE.replace("(3,)", "(999999999999999, 999999999999999)"),
    "fewer values than there are": ONE.replace("(3,)", "(2,)"),
    "pickled objects": ONE.replace("<f4", "|O"),
    "a record of several types": ONE.replace("'<f4'", "[('a', '<f4')]"),
    "numbers of three bytes": ONE.replace("<f4", "<f3"),
    "a text longer than any": ONE.replace("<f4", "<U999999999"),
    "a giant of one value": ONE.replace("<f4", "|S999999999"),
    "a negative length": ONE.replace("(3,)", "(-3,)"),
    "Python that is not a header": "__import__('os').system('touch sentinel')",
    "deep nesting": "(" * 1000,
    "sums": "-" * 1000,
    "digits that end in no comma": ONE.replace("(3,)", f"({'1' * 900}x)"),
    "digits with a space between": ONE.replace("(3,)", f"({'1 ' * 400}x)"),
    "hundreds of lengths": ONE.replace("(3,)", f"({'1, ' * 250})"),
}


def npy(header: str, values: bytes = bytes(12), version: int = 1, length: int | None = None) -> bytes:
    """An npy file of this header."""
    size = len(header) if length is None else length
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", size)
        + header.encode()
        + values
    )


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """A zip file of these members."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def crowded(path: Path, members: int) -> Path:
    """An archive of so many empty members. zipfile itself takes seconds to write it: this is one member, listed again and again."""
    archive(path, {"0000000.npy": b""})
    content = path.read_bytes()
    first = content.index(b"PK\x01\x02")
    entry = content[first : content.index(b"PK\x05\x06")]
    listed = b"".join(entry.replace(b"0000000", f"{index:07}".encode()) for index in range(members))
    end64 = struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, members, members, len(listed), first)
    locator = struct.pack("<LQL", 0, first + len(listed), 1)
    few = min(members, 0xFFFF)
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, few, few, len(listed), first, 0)
    zip64 = b"PK\x06\x06" + end64 + b"PK\x06\x07" + locator if members > 0xFFFF else b""
    path.write_bytes(content[:first] + listed + zip64 + end)
    return path


@contextmanager
def tracing() -> Iterator[Callable[[], int]]:
    """Counts what Python allocates; what is given says the most so far, bytes."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_refused(tmp_path: Path, name: str, in_memory: bool) -> None:
    path = archive(tmp_path / "a.npz", {"observations.npy": npy(LIES[name])})
    with pytest.raises(UnreadableFileError, match="observations"):
        open_arrays(path, in_memory)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", npy(ONE, version=9), npy(ONE, version=2, length=2**31), b"\x80\x04\x95" + bytes(40)],
)
def test_a_member_that_is_no_array_is_refused(tmp_path: Path, content: bytes, in_memory: bool) -> None:
    with pytest.raises(UnreadableFileError):
        open_arrays(archive(tmp_path / "a.npz", {"observations.npy": content}), in_memory)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("in_memory", [True, False])
def test_every_version_of_honest_headers_is_read(tmp_path: Path, version: int, in_memory: bool) -> None:
    values = np.arange(3, dtype="<f4")
    path = archive(tmp_path / "a.npz", {"a.npy": npy(ONE, values.tobytes(), version)})
    np.testing.assert_array_equal(open_arrays(path, in_memory)["a"], values)


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (2, 3), (2, 0, 1)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("in_memory", [True, False])
def test_whatever_numpy_writes_is_read(
    tmp_path: Path, shape: tuple[int, ...], order: str, in_memory: bool
) -> None:
    written = np.random.default_rng(0).standard_normal(shape).copy(order="F" if order == "F" else "C")
    np.savez(tmp_path / "a.npz", a=written, b=np.array("text"), c=np.array([True]))
    found = open_arrays(tmp_path / "a.npz", in_memory)
    np.testing.assert_array_equal(found["a"], written)
    assert str(found["b"]) == "text"
    assert found["c"].tolist() == [True]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"observations.npy": bytes(2**20)}, zipfile.ZIP_DEFLATED)
    content = path.read_bytes().replace(struct.pack("<I", 2**20), struct.pack("<I", 2**32 - 2))
    path.write_bytes(content)  # it states four GiB, in both of its headers
    with pytest.raises(UnreadableFileError, match="unpacked it is longer than 2147483648 bytes"):
        open_arrays(path, in_memory=True)


def test_a_member_longer_than_it_states_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"observations.npy": bytes(2**20)}, zipfile.ZIP_DEFLATED)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 2**20), struct.pack("<I", 100)))
    with pytest.raises(UnreadableFileError):
        open_arrays(path, in_memory=True)


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"a.npy": npy(ONE), "b.npy": npy(ONE)})
    content = path.read_bytes()
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    path.write_bytes(content[: second + 42] + struct.pack("<I", 0) + content[second + 46 :])
    with pytest.raises(UnreadableFileError, match="lies within another member"):
        open_arrays(path, in_memory=False)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_method_of_packing_that_numpy_never_uses_is_refused_before_it_asks_for_memory(
    tmp_path: Path, method: int, in_memory: bool
) -> None:
    """Found by the fuzzer: LZMA allocates whatever dictionary its header names."""
    path, content = tmp_path / "a.npz", io.BytesIO()
    np.save(content, np.arange(5.0))
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", content.getvalue())
    with pytest.raises(UnreadableFileError, match="is packed by a method that numpy never uses"):
        open_arrays(path, in_memory)


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"a.npy": npy(ONE), "b.npy": npy(ONE)})
    path.write_bytes(path.read_bytes().replace(b"b.npy", b"a.npy"))
    with pytest.raises(UnreadableFileError, match="two of its members have one name"):
        open_arrays(path, in_memory=False)


def test_thousands_of_members_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {f"{index}.npy": b"" for index in range(300)})
    with pytest.raises(UnreadableFileError, match="it has 300 members, and at most 256 are read"):
        open_arrays(path, in_memory=True)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("members", [5_000, 200_000])
def test_a_directory_of_more_members_than_there_can_be_is_refused_before_it_is_listed(
    tmp_path: Path, members: int, in_memory: bool
) -> None:
    """The end record of the larger one is that of zip64."""
    path = crowded(tmp_path / "a.npz", members)
    with tracing() as peak:
        with pytest.raises(UnreadableFileError, match="its directory of members has more than"):
            open_arrays(path, in_memory)
        assert peak() < 2**20


def test_an_end_record_that_states_fewer_members_than_there_are_hides_none(tmp_path: Path) -> None:
    path = crowded(tmp_path / "a.npz", 5_000)
    content = path.read_bytes()
    path.write_bytes(content[:-14] + struct.pack("<HH", 1, 1) + content[-10:])
    with pytest.raises(UnreadableFileError, match="its directory of members has more than"):
        open_arrays(path, in_memory=True)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"a.npy": npy(ONE)})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UnreadableFileError, match="encrypted"):
        open_arrays(path, in_memory=True)


def test_a_name_that_leads_out_of_the_archive_is_only_a_name(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = archive(tmp_path / "inner" / "a.npz", {"../../out.npy": npy(ONE)})
    assert open_arrays(path, in_memory=True).keys() == {"../../out"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["inner"]


def rewritten(path: Path, made_for: Interface, **changes: np.ndarray) -> None:
    """A valid slice with some arrays changed."""
    write_slice(path, made_for, [20])
    with np.load(path) as found:
        arrays = dict(found)
    np.savez(path, **(arrays | changes))


def test_texts_in_the_place_of_numbers_are_refused(tmp_path: Path, interface: Interface) -> None:
    rewritten(tmp_path / "a.npz", interface, actions=np.full((20, 2), "x"))
    with pytest.raises(UnreadableFileError, match="actions holds no numbers"):
        read_slices(tmp_path, interface)


def test_no_rows_are_no_data_set(tmp_path: Path, interface: Interface) -> None:
    rewritten(
        tmp_path / "a.npz",
        interface,
        observations=np.zeros((0, 5), np.float32),
        actions=np.zeros((0, 2), np.float32),
        terminals=np.zeros(0, bool),
    )
    with pytest.raises(DatasetTooShort):
        read_slices(tmp_path, interface)


@pytest.mark.parametrize("stored", [np.zeros(3), np.array("[" * 100), np.array(["a", "b"])])
def test_an_interface_that_is_no_text_of_one_is_refused(
    tmp_path: Path, interface: Interface, stored: np.ndarray
) -> None:
    rewritten(tmp_path / "a.npz", interface, interface=stored)
    with pytest.raises(UnreadableFileError, match="its interface is not JSON"):
        read_slices(tmp_path, interface)


def test_letters_that_there_are_not_are_refused(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [20])
    content = (tmp_path / "a.npz").read_bytes()
    place = content.index("{".encode("utf-32-le"))
    (tmp_path / "a.npz").write_bytes(content[:place] + b"\xff\xff\xff\x7f" + content[place + 4 :])
    with pytest.raises(UnreadableFileError):
        read_slices(tmp_path, interface)


VALID = io.BytesIO()
np.savez_compressed(VALID, a=np.arange(50.0), b=np.array("text"))


@given(st.integers(0, len(VALID.getvalue()) - 1), st.integers(0, 255), st.booleans())
def test_a_changed_byte_gives_arrays_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, in_memory: bool
) -> None:
    content = bytearray(VALID.getvalue())
    content[place] = value
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    path.write_bytes(bytes(content))
    try:
        found: object = open_arrays(path, in_memory)
    except QgfError as error:
        found = str(error)
    assert found or found == {}
