"""A detector as files: plain JSON and safetensors, in a checkpoint's folder or beside an exported policy. Imports no torch.

CHECKPOINT/detector.json, detector.safetensors      the critics are those of the checkpoint's weights
POLICY.onnx: POLICY.detector.json, POLICY.detector.safetensors      with the critics
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from qgf_ros.bounds import CANDIDATES, WEIGHTS_BYTES, read_file
from qgf_ros.contract.components import commanded_components, component_names, component_units
from qgf_ros.contract.schema import Interface
from qgf_ros.errors import CheckpointError, InvalidSetting, QgfError
from qgf_ros.inference.caution import Reaction
from qgf_ros.inference.novelty import Detector
from qgf_ros.inference.small_networks import Critics, Float32, Predictor
from qgf_ros.strict import build, read_json

FORMAT = 1
JSON, ARRAYS, WEIGHTS = "detector.json", "detector.safetensors", "weights.safetensors"
CRITICS, FOLDER_CRITICS = "target_critic.", "networks.target_critic."
EXPORTED = ".onnx"
TEXTS = ("task", "chunks", "dataset_sha256")


@dataclass(frozen=True)
class Calibration:
    """Where the threshold comes from. `false_alarms` a usual episode is flagged with at most this probability.

    That holds with `confidence` over the draw of the calibrating episodes; `rank` of their scores, of `episodes`, is the threshold.
    """

    false_alarms: float
    confidence: float
    episodes: int
    rank: int
    success: float
    first_seed: int
    task: str
    guidance_weight: float
    candidates: int
    chunks: str
    dataset_sha256: str

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        for name, accepted, fits in (
            ("false_alarms", "between 0 and 1", 0.0 < self.false_alarms < 1.0),
            ("confidence", "from 0.5 to 1", 0.5 <= self.confidence < 1.0),
            ("episodes", "from 1 to 1000000", 1 <= self.episodes <= 10**6),
            ("rank", "from 1 to the number of episodes", 1 <= self.rank <= self.episodes),
            ("success", "from 0 to 1", 0.0 <= self.success <= 1.0),
            ("first_seed", "from 0 to 2^63", 0 <= self.first_seed < 2**63),
            ("guidance_weight", "from 0 to 1000000", 0.0 <= self.guidance_weight <= 1e6),
            ("candidates", f"from 1 to {CANDIDATES}", 1 <= self.candidates <= CANDIDATES),
            *((name, "a text of at most 200 letters", len(getattr(self, name)) <= 200) for name in TEXTS),
        ):
            if not fits:
                raise InvalidSetting(f"calibration.{name}", getattr(self, name), accepted)


@dataclass(frozen=True)
class Calibrated:
    """A detector, what follows from its alarms, and how it was calibrated."""

    detector: Detector
    reaction: Reaction
    calibration: Calibration


@dataclass(frozen=True)
class _Content:
    format: int
    weights_sha256: str
    arrays_sha256: str
    interface: str
    step_s: float
    threshold: float
    reaction: Reaction
    calibration: Calibration


def save_detector(path: Path, calibrated: Calibrated, interface: Interface) -> None:
    """Writes the two files for the checkpoint's folder, or the exported file, at `path`, which it names by its digest.

    Raises InvalidSetting, ShapeMismatch where `load_detector` would refuse it.
    """
    detector = calibrated.detector
    detector.check((interface.action_dim * interface.chunk_length, interface.action_dim))
    arrays = {
        "mean": detector.mean,
        "scale": detector.scale,
        "lower": detector.lower,
        "upper": detector.upper,
        "usual": detector.usual.astype(np.float32),
        "beyond": detector.beyond.astype(np.float32),
    } | detector.predictor.arrays()
    if path.suffix == EXPORTED:
        arrays |= {f"{CRITICS}{name}": value for name, value in detector.critics.weights.items()}
    description, values = _paths(path)
    written = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    content = _Content(
        FORMAT,
        _digest(_weights(path)),
        hashlib.sha256(written).hexdigest(),
        interface.digest,
        detector.step_s,
        detector.threshold,
        calibrated.reaction,
        calibrated.calibration,
    )
    values.write_bytes(written)
    description.write_text(json.dumps(asdict(content), indent=2, sort_keys=True) + "\n")


def load_detector(path: Path, interface: Interface) -> Calibrated | None:
    """The detector of the checkpoint or exported policy at `path`; None where none was calibrated.

    Raises:
        CheckpointError: its files are foreign, cut short or altered, or it was calibrated for other weights or another interface.
    """
    description, values = _paths(path)
    if not description.is_file():
        return None
    try:
        content = build(_Content, read_json(description), description.name)
        if content.format != FORMAT:
            raise _refused(description, f"it has format {content.format}; this release reads {FORMAT}")
        if content.weights_sha256 != _digest(_weights(path)):
            raise _refused(description, "it belongs to other weights; `qgf calibrate` makes a new one")
        if content.interface != interface.digest:
            raise _refused(description, "it was calibrated for another interface")
        written = read_file(values, WEIGHTS_BYTES)
        if hashlib.sha256(written).hexdigest() != content.arrays_sha256:
            raise _refused(values, f"its sha256 is not the one in {description.name}")
        arrays = _finite(values, load(written))
        detector = _detector(path, arrays, content, interface)
    except CheckpointError:
        raise
    except KeyError as error:
        raise _refused(description, f"it lacks {error}") from error
    except (QgfError, SafetensorError, ValueError) as error:
        raise _refused(description, str(error).rstrip(".")) from error
    return Calibrated(detector, content.reaction, content.calibration)


def digest_of(path: Path) -> str:
    """What a chunk names as its source: the first 12 digits of a sha256 over a checkpoint's description, or an exported file, and its
    detector's description. Both name the digests of what they describe."""
    digest = hashlib.sha256()
    for part in (path if path.suffix == EXPORTED else path / "checkpoint.json", _paths(path)[0]):
        if part.is_file():
            digest.update(read_file(part, WEIGHTS_BYTES))
    return digest.hexdigest()[:12]


def read_critics(folder: Path) -> Critics:
    """The target critics of a checkpoint's folder, which `load_checkpoint` has checked."""
    arrays = load(read_file(folder / WEIGHTS, WEIGHTS_BYTES))
    return Critics(_named(arrays, FOLDER_CRITICS))


def _detector(path: Path, arrays: Mapping[str, Float32], content: _Content, interface: Interface) -> Detector:
    critics = Critics(_named(arrays, CRITICS)) if path.suffix == EXPORTED else read_critics(path)
    detector = Detector(
        component_names(interface),
        component_units(interface),
        mean=arrays["mean"],
        scale=arrays["scale"],
        lower=arrays["lower"],
        upper=arrays["upper"],
        commanded=commanded_components(interface),
        step_s=content.step_s,
        predictor=Predictor.of(arrays),
        critics=critics,
        usual=arrays["usual"].astype(np.float64),
        beyond=arrays["beyond"].astype(np.float64),
        threshold=content.threshold,
    )
    detector.check((interface.action_dim * interface.chunk_length, interface.action_dim))
    return detector


def _named(arrays: Mapping[str, Any], prefix: str) -> dict[str, Float32]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _finite(path: Path, arrays: Mapping[str, Any]) -> Mapping[str, Float32]:
    for name, value in arrays.items():
        if value.dtype != np.float32 or not np.isfinite(value).all():
            raise _refused(path, f"'{name}' is not of finite float32 values")
    return arrays


def _paths(path: Path) -> tuple[Path, Path]:
    if path.suffix == EXPORTED:
        return path.with_suffix(f".{JSON}"), path.with_suffix(f".{ARRAYS}")
    return path / JSON, path / ARRAYS


def _weights(path: Path) -> Path:
    return path if path.suffix == EXPORTED else path / WEIGHTS


def _digest(path: Path) -> str:
    return hashlib.sha256(read_file(path, WEIGHTS_BYTES)).hexdigest()


def _refused(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(path.parent, f"{path.name}: {problem}")
