"""Texts that others wrote: plain values come out of them, or a sentence; never code, never a long wait, never much memory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros import bounds
from qgf_ros.bounds import inside, read_file
from qgf_ros.errors import FileTooLarge, InvalidSetting, MissingFileError, QgfError, UnreadableFileError
from qgf_ros.plain_text import NotPlain, parse_json, parse_yaml
from qgf_ros.strict import read_json, read_yaml

REFUSED_YAML = {
    "a tag that makes an object": "a: !!python/object/apply:os.system [touch sentinel]",
    "a tag of YAML's own": 'a: !!int "x"',
    "a tag without a name": "a: ! x",
    "an alias bomb": "a: &a [x, x, x, x, x, x, x, x]\n"
    + "\n".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 8)}]" for p, c in zip("abcdefg", "bcdefgh", strict=True)),
    "a bomb of merged mappings": "a: &a {k: 1, l: 2, m: 3, n: 4}\n"
    + "\n".join(
        f"{c}: &{c} {{<<: [{', '.join([f'*{p}'] * 8)}]}}" for p, c in zip("abcdefg", "bcdefgh", strict=True)
    ),
    "an anchor within itself": "a: &a [*a]",
    "deep nesting": "[" * 60_000,
    "a deep mapping": "\n".join(" " * i + "a:" for i in range(40)),
    "an endless number": "a: " + "9" * 5000,
    "an endless number in another base": "a: 0x" + "f" * 5000,
    "digits that are none": "a: 0b_",
    "a key twice": "a: 1\na: 2",
    "a list as key": "{[a]: b}",
    "half a text": 'a: "b',
    "what no terminal prints": "a: \x07",
    "an alias of nothing": "a: *b",
}
REFUSED_JSON = {
    "deep nesting": "[" * 100_000,
    "deep nesting between texts that close as many brackets": '["]",' * 40 + "1" + "]" * 40,
    "deep nesting after a text with a quote in it": '["\\"]]]]",' * 40 + "1" + "]" * 40,
    "deep objects": '{"a":' * 100_000,
    "an endless number": '{"a": ' + "9" * 5000 + "}",
    "a key twice": '{"a": 1, "a": 2}',
    "half a text": '{"a": "b',
    "nothing": "",
}


@pytest.mark.parametrize("name", REFUSED_YAML)
def test_yaml_that_is_more_than_plain_values_is_refused(name: str) -> None:
    with pytest.raises(NotPlain):
        parse_yaml(REFUSED_YAML[name])


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_json_that_no_file_of_ours_holds_is_refused(name: str) -> None:
    with pytest.raises(NotPlain):
        parse_json(REFUSED_JSON[name])


def test_a_date_is_a_text() -> None:
    assert parse_yaml("a: 2024-99-99") == {"a": "2024-99-99"}


def test_brackets_within_a_text_are_part_of_it() -> None:
    text = "[" * 40 + '"' + "]" * 50
    assert parse_json(json.dumps([text])) == [text]


def test_honest_aliases_and_merged_mappings_are_kept() -> None:
    found = parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a")
    assert found == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


def outcome(read: Callable[..., object], *given: object) -> str:
    """The type of what comes out, or the sentence."""
    try:
        return type(read(*given)).__name__
    except (NotPlain, QgfError) as error:
        return str(error)


@given(st.text(max_size=200))
def test_any_text_is_plain_values_or_refused(text: str) -> None:
    for parse in (parse_yaml, parse_json):
        assert outcome(parse, text)


@given(st.binary(max_size=300))
def test_any_file_is_a_mapping_or_refused_with_a_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        for read in (read_yaml, read_json):
            found = outcome(read, path)
            assert found == "dict" or (str(path) in found and found.isprintable())


def test_a_file_longer_than_the_bound_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    with path.open("wb") as file:
        file.truncate(10 * bounds.GIB)  # a hole: it takes no room on the disk
    with pytest.raises(FileTooLarge, match=r"long\.yaml has 10737418240 bytes or more, and at most 32768 "):
        read_yaml(path)


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "name with a zero byte"])
def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("it\0" if kind.endswith("byte") else "it")
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(MissingFileError):
        read_file(path, 10)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "it"
    path.write_text("x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # who runs the tests may be root, whom no mode keeps out
    with pytest.raises(UnreadableFileError, match="Permission denied"):
        read_file(path, 10)


@pytest.mark.parametrize("named", ["../../secret", "/etc/hostname", "", "a\0b", "way_out/secret", "circle"])
def test_a_path_in_a_file_leads_no_further_than_its_folder(tmp_path: Path, named: str) -> None:
    base = tmp_path / "config" / "contracts"
    base.mkdir(parents=True)
    (base / "way_out").symlink_to(tmp_path)
    (base / "circle").symlink_to(base / "circle")
    with pytest.raises(InvalidSetting, match="a relative path that stays below"):
        inside(tmp_path / "config", base, named, "interface.kinematics.model")


def test_a_path_to_a_sibling_folder_is_kept(tmp_path: Path) -> None:
    assert inside(tmp_path, tmp_path / "a", "../b/model.xml", "model") == (tmp_path / "b/model.xml").resolve()


def test_a_sentence_is_one_line_that_a_terminal_prints_whatever_a_file_held() -> None:
    assert str(QgfError("a\nb")) == "a b"
    assert "\x1b" not in str(QgfError("\x1b[2J cleared"))
    assert len(str(QgfError("x" * 100_000))) < 5000
