"""Looks through a MuJoCo model (MJCF) that a contract names, before MuJoCo reads it: no other file but its own, nothing that grows.

MJCF can include files, load plugins, and make thousands of bodies out of one line. A contract may come from somebody else, so
its models keep to what describes an arm and what stands around it. docs/isolating.md says the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from qgf_ros.bounds import (
    ASSET_BYTES,
    DEPTH,
    MODEL_BYTES,
    MODEL_ELEMENTS,
    PICTURE_BYTES,
    check_file,
    inside,
    read_file,
)
from qgf_ros.contract.model_size import Sizes
from qgf_ros.errors import QgfError, UnreadableFileError

GROWING = {
    "composite",
    "flexcomp",
    "flex",
    "deformable",
    "replicate",
    "hfield",
    "skin",
    "tactile",
    "muscle",
    "lengthrange",
}
LEADING_OUT = {"extension", "plugin", "instance", "attach", "model"}
FOLDERS = {"meshdir", "texturedir", "assetdir"}
FILES = {"file", "fileright", "fileleft", "fileup", "filedown", "filefront", "fileback"}
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class _Found:
    """What was met in one file and those that it includes."""

    path: Path
    files: list[str] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    sizes: Sizes = field(default_factory=Sizes)
    elements: int = 0
    depth: int = 0


def check_model(path: Path, is_alone: bool) -> None:
    """Returns where MuJoCo may read the file; `is_alone`: it must be complete in itself, since its sha256 stands for it.

    Raises:
        MissingFileError, FileTooLarge: it, or a file that it names, is absent, or longer than honest ones are.
        UnreadableFileError: it is not XML, or has elements, counts or paths that are not accepted.
    """
    found = _Found(path)
    _read(path, path, found)
    read = {path.resolve()}
    while found.includes:
        if is_alone:
            raise _refused(path, "it includes other files, and must be complete in itself")
        inner = _named(path, found.includes.pop(), ("",))
        if inner in read:
            raise _refused(path, f"it includes {inner.name} twice")
        read.add(inner)
        _read(inner, path, found)
    if problem := found.sizes.problem():
        raise _refused(path, problem)
    assets = [_named(path, name, found.folders) for name in found.files]
    total = sum(check_file(asset, ASSET_BYTES) for asset in assets)
    if total > ASSET_BYTES:
        raise _refused(
            path, f"its meshes and textures have {total} bytes, and at most {ASSET_BYTES} are read"
        )
    pictured = sum(map(_pictured, assets))
    if pictured > PICTURE_BYTES:
        raise _refused(path, f"its pictures need {pictured} bytes, and at most {PICTURE_BYTES} are unpacked")


def _read(path: Path, model: Path, found: _Found) -> None:
    parser = expat.ParserCreate("utf-8")  # whatever it declares: MuJoCo reads nothing else

    def begin(name: str, attributes: dict[str, str]) -> None:
        found.elements, found.depth = found.elements + 1, found.depth + 1
        _check_element(model, found, name, attributes)

    def end(_: str) -> None:
        found.depth -= 1

    def refuse(*_: object) -> None:
        raise _refused(model, "it declares a document type")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(read_file(path, MODEL_BYTES), True)
    except expat.ExpatError as error:
        raise _refused(model, f"{path.name} is not XML ({error})") from error


def _check_element(model: Path, found: _Found, name: str, attributes: dict[str, str]) -> None:
    if found.elements == 1 and name != "mujoco":
        raise _refused(model, f"it begins with '{name}', not with 'mujoco'")
    if name in GROWING | LEADING_OUT:
        why = "makes much out of little" if name in GROWING else "leads out of the file"
        raise _refused(model, f"it has the element '{name}', which {why}")
    if found.elements > MODEL_ELEMENTS or found.depth > 2 * DEPTH:
        raise _refused(
            model, f"it has more than {MODEL_ELEMENTS} elements, or {2 * DEPTH} within one another"
        )
    if problem := found.sizes.note(name, attributes):
        raise _refused(model, problem)
    for key, text in attributes.items():
        if key in FOLDERS:
            found.folders.append(text)
        elif key in FILES:
            (found.includes if name == "include" else found.files).append(text)


def _pictured(path: Path) -> int:
    """Bytes that a file becomes if it is a picture in PNG, which states its size behind its signature; 0 of others."""
    with path.open("rb") as file:
        begin = file.read(24)
    if not begin.startswith(PNG):
        return 0
    width, height = (int.from_bytes(begin[place : place + 4], "big") for place in (16, 20))
    return 4 * width * height


def _named(model: Path, name: str, folders: list[str] | tuple[str, ...]) -> Path:
    """The file of that name below the model's folder, wherever its folders say. Raises UnreadableFileError."""
    root = model.resolve().parent
    places = []
    for folder in ("", *folders):
        try:
            places.append(inside(root, root / folder, name, "a path in it"))
        except QgfError as error:
            raise _refused(model, str(error).rstrip(".")) from error
    return next((place for place in places if place.is_file()), places[0])


def _refused(model: Path, problem: str) -> UnreadableFileError:
    return UnreadableFileError(model, "a MuJoCo model that a contract may name", problem)
