"""`qgf export CHECKPOINT`: the whole guided sampler as one file for ONNX Runtime, for robots without PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "write a checkpoint as one ONNX file: all denoising steps, the guidance included"
EXAMPLE = "qgf export checkpoints/NAME --format onnx --output out/NAME.onnx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder, for example one of checkpoints")
    parser.add_argument("--format", choices=["onnx"], default="onnx", help="kind of file (default onnx)")
    parser.add_argument("--output", type=Path, help="the file to write (default out/NAME.onnx)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Writes the file, compares it with the checkpoint, prints by how much they differ."""
    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.errors import InvalidSetting
    from qgf_ros.inference.detector_file import load_detector, save_detector
    from qgf_ros.inference.export import TOLERANCE, export_onnx

    checkpoint = load_checkpoint(arguments.checkpoint)
    output = arguments.output or Path("out") / f"{arguments.checkpoint.resolve().name}.onnx"
    if output.suffix != ".onnx":
        raise InvalidSetting("--output", str(output), "a file whose name ends in .onnx")
    detected = load_detector(arguments.checkpoint, checkpoint.interface)
    done = export_onnx(checkpoint, output)
    print(
        f"{done.path}: {done.size_bytes / 1e6:.1f} MB; every estimator, step count and number of candidates"
    )
    print(
        f"In ONNX Runtime its actions differ by at most {done.error:.1e} from the checkpoint's, over {done.checks} walks "
        f"({TOLERANCE:.0e} accepted)."
    )
    if detected is not None:
        save_detector(done.path, detected, checkpoint.interface)
        print("Its detector lies beside it.")
    print(f"Run it: policy node with engine:=onnx checkpoint:={done.path}")
    return {"path": str(done.path), "bytes": done.size_bytes, "error": done.error, "tolerance": TOLERANCE}
