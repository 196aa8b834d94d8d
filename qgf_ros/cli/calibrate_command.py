"""`qgf calibrate CHECKPOINT DATA`: a detector of what the policy does not know, with a stated rate of false alarms."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qgf_ros.contract.schema import Contract
    from qgf_ros.data.dataset import Slice
    from qgf_ros.evaluate.calibrate import CalibrateConfig
    from qgf_ros.inference.detector_file import Calibrated

HELP = "make a checkpoint's detector of what it has not learned, at a stated rate of false alarms"
EXAMPLE = "qgf calibrate checkpoints/NAME data/NAME --false-alarms 0.05 --episodes 400"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder; the detector is written into it")
    parser.add_argument(
        "data",
        type=Path,
        nargs="+",
        help="demonstrations: files or folders of slices, those it was trained on",
    )
    parser.add_argument(
        "--false-alarms",
        type=float,
        default=0.05,
        help="rate of usual episodes that are flagged (default 0.05)",
    )
    parser.add_argument(
        "--episodes", type=int, default=400, help="episodes of the policy to calibrate on (default 400)"
    )
    parser.add_argument(
        "--steps", type=int, default=8000, help="gradient steps of the one-step predictor (default 8000)"
    )
    parser.add_argument("--contract", type=Path, help="contract YAML (default: the checkpoint's)")
    parser.add_argument("--task", help="simulation task (default: the checkpoint's)")
    parser.add_argument("--seed", type=int, default=0, help="moves the seeds of the episodes (default 0)")
    add_processes(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Calibrates, writes the files, returns the figures."""
    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.cli.origin import chosen, contract_path
    from qgf_ros.contract.load import load_contract
    from qgf_ros.data.dataset import read_slices
    from qgf_ros.evaluate.calibrate import CalibrateConfig
    from qgf_ros.evaluate.robot import load_simulation

    config = CalibrateConfig(
        arguments.false_alarms, arguments.episodes, steps=arguments.steps, seed=arguments.seed
    )
    checkpoint = load_checkpoint(arguments.checkpoint)
    contract = load_contract(contract_path(arguments.contract, checkpoint, arguments.checkpoint))
    task = chosen("task", arguments.task, checkpoint)
    load_simulation(task)
    slices = [part for path in arguments.data for part in read_slices(path, contract.interface)]
    made = make_detector(arguments.checkpoint, contract, task, slices, config, arguments.processes)
    calibration = made.calibration
    print(
        f"flags a usual episode with probability {calibration.false_alarms:g} at most, by the {calibration.rank}th of "
        f"{calibration.episodes} scores (success {calibration.success:.3f}); written to {arguments.checkpoint}"
    )
    return {
        "checkpoint": str(arguments.checkpoint),
        "false_alarms": calibration.false_alarms,
        "confidence": calibration.confidence,
        "episodes": arguments.episodes,
        "rank": calibration.rank,
        "threshold": made.detector.threshold,
        "success": calibration.success,
        "task": task,
    }


def make_detector(
    folder: Path,
    contract: Contract,
    task: str,
    slices: Sequence[Slice],
    config: CalibrateConfig,
    processes: int,
) -> Calibrated:
    """Calibrates with a progress bar; writes detector and ranges of joints into the checkpoint's folder."""
    from qgf_ros.cli.progress import counted_progress
    from qgf_ros.data.seen_joints import seen_in
    from qgf_ros.evaluate.calibrate import calibrate
    from qgf_ros.inference.detector_file import Calibrated, save_detector

    seen_in(contract, slices).save(folder)
    with counted_progress(config.episodes, 0, "episode") as progress:
        for step in calibrate(folder, contract, task, slices, config, processes):
            if isinstance(step, Calibrated):
                save_detector(folder, step, contract.interface)
                return step
            progress(step, {})
    raise AssertionError("calibrating ends with a detector")
