"""Changes files whose parts have lengths and checksums, so that the change is met behind them: npz, safetensors, ONNX."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from random import Random

import numpy as np

from fuzz import mutate
from fuzz.payloads import NUMBERS, OUTSIDE, PICKLES

DESCRS = [
    "'|O'",
    "[('a', '<f4')]",
    "'<f4'",
    "'<f8'",
    "'|S2147483647'",
    "'<U99999999'",
    "'|V8'",
    "'<M8[s]'",
    "'>i8'",
    "'?'",
    "1",
]
SHAPES = [
    "(3,)",
    "()",
    "(0,)",
    "(-1,)",
    "(1000000000000,)",
    "(2**70,)",
    "(99999999999, 99999999999)",
    "(1, " * 40,
    "x",
    "(True,)",
    "[3]",
    f"({'1' * 900}x)",
    f"({'1' * 26}x)",
    f"({'1 ' * 400}x)",
    f"({'1, ' * 250})",
]
CROWD = 60_000  # members of an archive that lists one again and again


def npz(draw: Random, content: bytes) -> bytes:
    """An archive with other members, or other words about them."""
    if draw.random() < 0.3:
        return mutate.blind(draw, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = draw.choice(list(members))
    kind = draw.randrange(8)
    if kind in (0, 1):
        members[name] = npy(draw, members[name])
    elif kind == 2:
        members[name] = mutate.blind(draw, members[name])
    elif kind == 3:
        members[name] = draw.choice(PICKLES)
    elif kind == 4:
        del members[name]
    elif kind == 5:
        members[draw.choice((f"../../{OUTSIDE}/x.npy", "/tmp/x.npy", "a" * 60_000, "\u00e9.npy", "x/"))] = (
            members[name]
        )
    elif kind == 6:
        odd = np.full(draw.choice(((20, 2), (20,), (20, 5), (0, 5))), draw.choice((float("nan"), 1e300, 0.0)))
        buffer = io.BytesIO()
        np.save(buffer, odd.astype(draw.choice(("f4", "f8", "f2", "c8", "U3", "i8", "?"))))
        members[name] = buffer.getvalue()
    elif draw.random() < 0.2:
        return crowded(draw.choice((300, CROWD)), draw.choice((0, 1, 300, 0xFFFF)))
    else:
        members |= {f"{index}.npy": b"" for index in range(draw.choice((10, 400)))}
    made = io.BytesIO()
    method = draw.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)
    )
    with zipfile.ZipFile(made, "w", method, compresslevel=1) as archive:
        for key, value in members.items():
            archive.writestr(key, value)
        if draw.random() < 0.03:
            archive.writestr("bomb.npy", bytes(30_000_000))
    return mutate.blind(draw, made.getvalue()) if draw.random() < 0.2 else made.getvalue()


@cache
def crowded(members: int, stated: int) -> bytes:
    """An archive of empty members whose end record states another number of them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("000000.npy", b"")
    content = made.getvalue()
    first = content.index(b"PK\1\2")
    entry = content[first : content.index(b"PK\5\6")]
    listed = b"".join(entry.replace(b"000000", f"{index:06}".encode()) for index in range(members))
    end = struct.pack("<HHHHLLH", 0, 0, stated, stated, len(listed), first, 0)
    return content[:first] + listed + b"PK\5\6" + end


def npy(draw: Random, content: bytes) -> bytes:
    """An npy file with another header."""
    text = f"{{'descr': {draw.choice(DESCRS)}, 'fortran_order': {draw.choice(('False', 'True', '1'))}, 'shape': {draw.choice(SHAPES)}, }}"
    if draw.random() < 0.2:
        text = draw.choice(
            ("(" * 900, "-" * 900, "__import__('os').system('touch sentinel')", "{}", "x" * 9000)
        )
    header = text.encode()
    length = draw.choice((len(header), len(header), len(header), 0, 65_535))
    version = draw.choice((1, 1, 1, 2, 3, 9))
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", length)
        + header
        + content[128:]
    )


def safetensors(draw: Random, content: bytes) -> bytes:
    """A file of tensors with another header or other values."""
    length = int.from_bytes(content[:8], "little")
    header, values = content[8 : 8 + length], bytearray(content[8 + length :])
    kind = draw.randrange(4)
    if kind == 0:
        return mutate.blind(draw, content)
    if kind == 1:
        for _ in range(draw.choice((1, 5))):
            place = draw.randrange(len(values) // 4) * 4
            values[place : place + 4] = struct.pack(
                "<f", draw.choice((float("nan"), float("inf"), 3e38, 0.0, -1.0, 1e-40))
            )
    else:
        header = mutate.json_text(draw, header)
    stated = draw.choice((len(header), len(header), len(header), 0, 2**31, 2**63, len(content)))
    return stated.to_bytes(8, "little") + header + bytes(values)


def resealed(
    files: dict[str, bytes],
    description: str = "checkpoint.json",
    key: str = "weights_sha256",
    values: str = "weights.safetensors",
) -> dict[str, bytes]:
    """A checkpoint, or a detector, whose description has the digest of its values, if it can still be read."""
    try:
        content = json.loads(files[description])
        content[key] = hashlib.sha256(files[values]).hexdigest()
    except (ValueError, TypeError, KeyError, RecursionError):
        return files
    return files | {description: json.dumps(content).encode()}


def onnx(draw: Random, content: bytes) -> bytes:
    """An exported policy with another graph or other metadata."""
    if content[4:8] == b"ORTM" and draw.random() < 0.5:
        return content
    if content[4:8] == b"ORTM" or draw.random() < 0.4:
        return mutate.blind(draw, content)
    import onnx as library
    import onnx_lies

    if draw.random() < 0.1:
        return onnx_lies.with_hidden_graph(content, draw.choice(("Exp", "PyOp")))
    if draw.random() < 0.1:
        return onnx_lies.doubling(content, draw.choice((4, 18, 20)))
    model = library.load_from_string(content)
    changes: list[Callable[[], object]] = [
        lambda: _elsewhere(draw, model.graph),
        lambda: _renamed(draw, model.graph),
        lambda: model.functions.add(name="f", domain="evil"),
        lambda: model.opset_import.add(
            domain=draw.choice(("evil", "com.microsoft", "ai.onnx.ml")), version=1
        ),
        lambda: setattr(model, "ir_version", draw.choice((0, 1, 99, 2**40))),
        lambda: setattr(draw.choice(model.metadata_props), "value", _metadata(draw, model)),
        lambda: setattr(draw.choice(model.metadata_props), "value", _metadata(draw, model)),
        lambda: _reshaped(draw, model.graph),
        lambda: model.graph.node.remove(draw.choice(model.graph.node)),
        lambda: model.graph.node.append(draw.choice(model.graph.node)),
        lambda: model.graph.initializer.remove(draw.choice(model.graph.initializer)),
    ]
    for _ in range(draw.choice((1, 1, 2))):
        draw.choice(changes)()
    return bytes(model.SerializeToString())


def _metadata(draw: Random, model: object) -> str:
    entries = [entry.value for entry in model.metadata_props]  # type: ignore[attr-defined]
    try:
        return (
            mutate.json_text(draw, draw.choice(entries).encode()).decode("utf-8", "replace").replace("\0", "")
        )
    except ValueError:
        return "x"


def _elsewhere(draw: Random, graph: object) -> None:
    tensor = draw.choice(graph.initializer)  # type: ignore[attr-defined]
    if draw.random() < 0.5:
        tensor.ClearField("raw_data")
    tensor.data_location = 1
    place = draw.choice(
        (f"../{OUTSIDE}/mesh.stl", f"../../{OUTSIDE}/mesh.stl", "/etc/hostname", "policy.onnx", "")
    )
    tensor.external_data.add(key="location", value=place)
    tensor.external_data.add(key="length", value=str(draw.choice((0, 4, 2**62))))


def _renamed(draw: Random, graph: object) -> None:
    node = draw.choice(graph.node)  # type: ignore[attr-defined]
    if draw.random() < 0.5:
        node.op_type = draw.choice(
            ("PyOp", "Expand", "ConstantOfShape", "Loop", "If", "Add", "MatMul", "Concat", "", "x" * 3000)
        )
    else:
        node.domain = draw.choice(("evil", "com.microsoft", "ai.onnx"))


def _reshaped(draw: Random, graph: object) -> None:
    tensor = draw.choice(graph.initializer)  # type: ignore[attr-defined]
    if tensor.dims:
        tensor.dims[0] = draw.choice((0, -1, 1, 2**31, 2**62))
    elif draw.random() < 0.5:
        tensor.data_type = draw.choice((0, 2, 7, 8, 99))
    else:
        tensor.raw_data = np.array(draw.choice(NUMBERS[13:]), "<f8").astype("<f4").tobytes()
