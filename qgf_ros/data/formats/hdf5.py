"""HDF5 files that somebody else wrote: groups, arrays and attributes that lie in the one file, and lead nowhere else.

What is refused is a ValueError. libhdf5 breaks down over some damaged files: only a process that may be lost calls this (`apart.py`).
"""

from __future__ import annotations

from typing import Any

import h5py

from qgf_ros.bounds import ARRAYS, DEPTH, EPISODES, JSON_BYTES


def names(group: Any) -> list[str]:
    """The names of a group's members. Raises ValueError for more than EPISODES."""
    if len(group) > EPISODES:
        raise ValueError(f"'{group.name}' has {len(group)} members, and at most {EPISODES} are read")
    return list(group)


def member(group: Any, name: str) -> Any:
    """The group or dataset `name` of a group; raises ValueError where it is absent, or a link that may lead elsewhere.

    Honest writers make hard links only; soft ones may lead through external ones, and those into any file.
    """
    where = f"{group.name.rstrip('/')}/{name}"
    link = group.get(name, getlink=True, default=None)
    if link is None:
        raise ValueError(f"it lacks {where}")
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{where} is a link that leads elsewhere, and only what lies in the file is read")
    found = group[name]
    if not isinstance(found, h5py.Group | h5py.Dataset):
        raise ValueError(f"{where} is neither a group nor an array")
    return found


def subgroup(group: Any, name: str) -> Any:
    """As `member`, and a group."""
    found = member(group, name)
    if not isinstance(found, h5py.Group):
        raise ValueError(f"{found.name} is an array and no group")
    return found


def datasets(group: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every dataset below a group by its path there (`obs/joints`), but for those below its members `without`.

    Raises ValueError for links as `member`, for more than ARRAYS of them, and for groups more than DEPTH deep.
    """
    found: dict[str, Any] = {}
    _collect(group, "", without, 0, found)
    return found


def _collect(group: Any, path: str, without: tuple[str, ...], depth: int, found: dict[str, Any]) -> None:
    if depth > DEPTH:
        raise ValueError(f"{group.name} is nested more than {DEPTH} deep")
    for name in names(group):
        if name in without:
            continue
        entry = member(group, name)
        if isinstance(entry, h5py.Group):
            _collect(entry, f"{path}{name}/", (), depth + 1, found)
        else:
            found[f"{path}{name}"] = entry
        if len(found) > ARRAYS:
            raise ValueError(f"{group.name} has more than {ARRAYS} arrays")


def text_attribute(holder: Any, name: str) -> str | None:
    """An attribute that is a text of at most JSON_BYTES; None where there is none. Raises ValueError for any other."""
    if name not in holder.attrs:
        return None
    stored = holder.attrs.get_id(name)
    if stored.shape != () or h5py.check_string_dtype(stored.dtype) is None:
        raise ValueError(f"the attribute {name} of {holder.name} is no text")
    value = holder.attrs[name]
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    if len(text) > JSON_BYTES:
        raise ValueError(f"the attribute {name} of {holder.name} is longer than {JSON_BYTES} bytes")
    return text


def whole_attribute(holder: Any, name: str) -> int | None:
    """An attribute that is a whole number; None where there is none. Raises ValueError for any other."""
    if name not in holder.attrs:
        return None
    stored = holder.attrs.get_id(name)
    if stored.shape != () or stored.dtype.kind not in "iu":
        raise ValueError(f"the attribute {name} of {holder.name} is no whole number")
    return int(holder.attrs[name])
