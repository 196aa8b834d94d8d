"""Reads tensors of a safetensors file whose names and shapes are known before: nothing is allocated for any other.

The file: 8 bytes length (little endian), so many bytes of JSON (name -> dtype, shape, place), then the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from qgf_ros.bounds import HEADER_BYTES, WEIGHTS_BYTES, read_file
from qgf_ros.errors import CheckpointError
from qgf_ros.plain_text import NotPlain, parse_json

Shapes = Mapping[str, tuple[int, ...]]
_LENGTH = 8


@dataclass(frozen=True)
class TensorFile:
    """A file as it was read, once: `shapes` of its tensors, all float32, and its `metadata`, as its header states them."""

    path: Path
    content: bytes
    shapes: Shapes
    metadata: Mapping[str, str]

    def load(self, expected: Shapes) -> dict[str, torch.Tensor]:
        """The tensors, which are exactly those of `expected`, all finite.

        Raises:
            CheckpointError: other names or shapes, values cut short, or a value that is no number.
        """
        _compare(self, expected)
        try:
            tensors: dict[str, torch.Tensor] = load(self.content)
        except (SafetensorError, ValueError, KeyError) as error:
            raise _refused(self.path, str(error)) from error
        for name, value in tensors.items():
            if not torch.isfinite(value).all():
                raise _refused(self.path, f"'{name}' holds values that are not finite")
        return tensors


def read_tensors(path: Path) -> TensorFile:
    """The file at `path` with its header read.

    Raises:
        MissingFileError, FileTooLarge: there is no such file, or it is longer than any of ours.
        CheckpointError: its header is none, or states anything but float32 tensors.
    """
    content = read_file(path, WEIGHTS_BYTES)
    length = int.from_bytes(content[:_LENGTH], "little")
    if len(content) < _LENGTH or length > min(HEADER_BYTES, len(content) - _LENGTH):
        raise _refused(path, "its header is cut short")
    try:
        header = parse_json(content[_LENGTH : _LENGTH + length].decode("utf-8"))
    except (NotPlain, UnicodeDecodeError) as error:
        raise _refused(path, f"its header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise _refused(path, "its header is no mapping")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _refused(path, "its metadata is not text")
    shapes = {name: _shape(path, name, entry) for name, entry in header.items()}
    return TensorFile(path, content, shapes, metadata)


def _shape(path: Path, name: str, entry: Any) -> tuple[int, ...]:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise _refused(path, f"'{name}' has no shape")
    if entry.get("dtype") != "F32":
        raise _refused(path, f"'{name}' has the type {entry.get('dtype')!r}, and F32 is needed")
    return tuple(shape)


def _compare(file: TensorFile, expected: Shapes) -> None:
    for word, names in (
        ("lacks", expected.keys() - file.shapes.keys()),
        ("has", file.shapes.keys() - expected.keys()),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            foreign = ", which nobody reads" if word == "has" else ""
            raise _refused(file.path, f"it {word} {', '.join(sorted(names)[:3])}{more}{foreign}")
    for name, shape in expected.items():
        if file.shapes[name] != shape:
            raise _refused(file.path, f"'{name}' has the shape {file.shapes[name]}, and {shape} is needed")


def _refused(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(path.parent, f"{path.name}: {problem}")
