"""What an exported policy says of itself: plain text in the ONNX file's metadata. Imports neither torch nor onnx."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qgf_ros.bounds import CHUNK_ACTIONS
from qgf_ros.contract.load import interface_from_canonical
from qgf_ros.contract.schema import Interface
from qgf_ros.errors import CheckpointError, InvalidSetting, QgfError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import Estimator, SamplerDefaults
from qgf_ros.plain_text import NotPlain, parse_json
from qgf_ros.strict import build

FORMAT = 1
ESTIMATORS = (Estimator.ONE_STEP, Estimator.ONE_STEP_JACOBIAN, Estimator.NOISY)
"""The graph's input `estimator` is a place in this list."""


@dataclass(frozen=True)
class Exported:
    """A policy without its networks, as `Checkpoint` has it. `max_delay` as in `NetworkConfig`."""

    interface: Interface
    defaults: SamplerDefaults
    grid: TimeGrid
    max_delay: int
    provenance: Mapping[str, Any]

    def as_metadata(self) -> dict[str, str]:
        """Key and text, each but the digest a JSON value. A reader of another language needs no more than these."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "interface": self.interface.canonical(),
            "defaults": self.defaults.as_mapping(),
            "trained_at": asdict(self.grid),
            "max_delay": self.max_delay,
            "estimators": [estimator.value for estimator in ESTIMATORS],
            "provenance": dict(self.provenance),
        }
        written = {f"qgf_ros.{key}": json.dumps(value, sort_keys=True) for key, value in content.items()}
        return written | {"qgf_ros.interface_digest": self.interface.digest}


def read_metadata(path: Path, metadata: Mapping[str, str]) -> Exported:
    """The policy that the metadata of the file at `path` describes.

    Raises:
        CheckpointError: this is not a policy that `qgf export` wrote, or another release's.
    """
    found = metadata.get("qgf_ros.format")
    if found != json.dumps(FORMAT):
        problem = "`qgf export` did not write it" if found is None else f"its format is {found}, not {FORMAT}"
        raise CheckpointError(path, problem)
    try:
        content = {
            key.removeprefix("qgf_ros."): parse_json(text)
            for key, text in metadata.items()
            if key.startswith("qgf_ros.") and key != "qgf_ros.interface_digest"
        }
        return Exported(
            interface=interface_from_canonical(content["interface"]),
            defaults=build(SamplerDefaults, content["defaults"], "defaults"),
            grid=build(TimeGrid, content["trained_at"], "trained_at"),
            max_delay=_max_delay(content["max_delay"]),
            provenance=_provenance(content["provenance"]),
        )
    except KeyError as error:
        raise CheckpointError(path, f"its metadata lacks {error}") from error
    except (NotPlain, QgfError) as error:
        raise CheckpointError(
            path, f"its metadata is not what `qgf export` writes: {str(error).rstrip('.')}"
        ) from error


def _max_delay(value: object) -> int:
    if type(value) is not int or not 0 <= value <= CHUNK_ACTIONS:
        raise InvalidSetting("max_delay", value, f"a whole number from 0 to {CHUNK_ACTIONS}")
    return value


def _provenance(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidSetting("provenance", value, "a mapping")
    return value
