"""Small detectors for tests: of a made-up interface, without any training."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.contract.components import commanded_components, component_names, component_units
from qgf_ros.contract.schema import Interface
from qgf_ros.inference.caution import Reaction
from qgf_ros.inference.detector_file import Calibrated, Calibration, read_critics, save_detector
from qgf_ros.inference.novelty import RATES, Detector
from qgf_ros.inference.small_networks import Critics, Predictor

STEP_S = 0.2


def still_predictor(predicted: int, inputs: int) -> Predictor:
    """Expects no change, with standard deviation 1."""
    widths = (inputs, 4, 4, 2 * predicted)
    pairs = list(pairwise(widths))
    return Predictor(
        tuple(np.zeros(pair, np.float32) for pair in pairs), tuple(np.zeros(o, np.float32) for _, o in pairs)
    )


def tiny_detector(interface: Interface, critics: Critics, threshold: float = 1.0) -> Detector:
    """Data within -1 and 1, nothing expected to change, an alarm where any stream goes `threshold` beyond 1."""
    names, commanded = component_names(interface), commanded_components(interface)
    size, predicted = len(names), len(names) - len(commanded)
    streams = len(RATES) * predicted + size + 2
    usual = np.ones(streams)
    usual[-size - 2 : -2] = 0.0  # of the distances from the data
    usual[-2:] = 1e6  # of what critics say, which mean nothing here
    return Detector(
        names,
        component_units(interface),
        np.zeros(size, np.float32),
        np.ones(size, np.float32),
        np.full(size, -1.0, np.float32),
        np.ones(size, np.float32),
        commanded,
        STEP_S,
        still_predictor(predicted, size + len(commanded) + 1),
        critics,
        usual,
        np.full(streams, 0.1),
        threshold,
    )


def calibrated(detector: Detector) -> Calibrated:
    """With the usual reaction, and a calibration that never was."""
    return Calibrated(
        detector, Reaction(), Calibration(0.05, 0.9, 46, 46, 1.0, 0, "none", 0.5, 1, "synchronous:4:0", "")
    )


def save_with_detector(folder: Path, checkpoint: Checkpoint, threshold: float = 1.0) -> Calibrated:
    """The checkpoint in `folder`, with a tiny detector of its own."""
    save_checkpoint(folder, checkpoint)
    made = calibrated(tiny_detector(checkpoint.interface, read_critics(folder), threshold))
    save_detector(folder, made, checkpoint.interface)
    return dataclasses.replace(made)
