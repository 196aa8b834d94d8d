"""Where a checkpoint comes from: the digest of its weights, and the history in its provenance, one plain mapping an event."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from qgf_ros.checkpoint import CONFIG, Checkpoint
from qgf_ros.strict import read_json
from qgf_ros.whole_file import write_whole

HISTORY = "history"


def weights_digest(folder: Path) -> str:
    """sha256 of the weights of a checkpoint's folder, which `load_checkpoint` has accepted. Raises as `read_json`."""
    return str(read_json(folder / CONFIG)["weights_sha256"])


def events(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What happened to a checkpoint and its parents, the oldest first; whatever is no mapping is left out."""
    found = provenance.get(HISTORY)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def after(checkpoint: Checkpoint, event: Mapping[str, Any]) -> Checkpoint:
    """The same checkpoint, with one more event in its history."""
    history = [*events(checkpoint.provenance), dict(event)]
    return dataclasses.replace(checkpoint, provenance=dict(checkpoint.provenance) | {HISTORY: history})


def add_event(
    folder: Path, event: Mapping[str, Any], defaults: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Writes one more event, and what `defaults` of sampling it changed, into a checkpoint's folder; its weights are not touched."""
    content = read_json(folder / CONFIG)
    content["defaults"] = content["defaults"] | dict(defaults)
    provenance = content.get("provenance", {})
    content["provenance"] = provenance | {HISTORY: [*events(provenance), dict(event)]}
    write_whole(folder / CONFIG, json.dumps(content, indent=2, sort_keys=True) + "\n")
