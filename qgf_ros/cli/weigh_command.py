"""`qgf weigh CHECKPOINT DATA`: the guidance weight from logged data, without an episode."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qgf_ros.flow.sampler import GUIDANCE_STRENGTH

HELP = "choose a checkpoint's guidance weight from logged data: how far guidance moves chunks, of the policy's own spread"
EXAMPLE = "qgf weigh checkpoints/NAME data/NAME --write"
FACTORS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of the weight that is proposed: what the table shows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder")
    parser.add_argument("data", type=Path, nargs="+", help="recorded episodes: files or folders of slices")
    parser.add_argument(
        "--strength",
        type=float,
        default=GUIDANCE_STRENGTH,
        help=f"how far guided chunks shall lie from unguided ones, of the spread of these (default {GUIDANCE_STRENGTH:g})",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the windows and the noise (default 0)")
    parser.add_argument(
        "--write", action="store_true", help="make the weight the checkpoint's default; without, only look"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints what weights do, writes the one of the strength where told, returns the figures."""
    import dataclasses

    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.data.dataset import read_slices
    from qgf_ros.evaluate.critic_view import logged_windows
    from qgf_ros.evaluate.guidance_weight import Yardstick
    from qgf_ros.inference.detector_file import JSON
    from qgf_ros.lineage import add_event

    checkpoint = load_checkpoint(arguments.checkpoint)
    slices = [part for path in arguments.data for part in read_slices(path, checkpoint.interface)]
    windows = logged_windows(slices, checkpoint, seed=arguments.seed)
    yardstick = Yardstick(checkpoint, windows, arguments.seed)
    before = checkpoint.defaults.guidance_weight
    weight = yardstick.weight_of(arguments.strength)
    weights = sorted({before, *(factor * weight for factor in FACTORS)})
    pulls = [yardstick.pull(value) for value in weights]
    print(f"{'weight':>10}  {'strength':>8}  {'gain of Q':>9}  {'Q fell':>6}  {'clipped':>7}")
    for pull in pulls:
        note = {before: "  now", weight: f"  strength {arguments.strength:g}"}.get(pull.weight, "")
        print(
            f"{pull.weight:10.4g}  {pull.strength:8.3f}  {pull.gain:9.2f}  {pull.worse:6.3f}  {pull.clipped:7.3f}{note}"
        )
    print(
        "strength: how far chunks move, gain: of Q, each as a share of its standard deviation between chunks of one observation"
    )
    if arguments.write:
        event = {
            "event": "weighed",
            "strength": arguments.strength,
            "before": before,
            "guidance_weight": weight,
        }
        add_event(arguments.checkpoint, event, {"guidance_weight": weight})
        print(f"{arguments.checkpoint} is guided with {weight:.4g} now; it was {before:.4g}")
        if (arguments.checkpoint / JSON).is_file():
            print("its detector was calibrated with the weight before: `qgf calibrate` makes one for this")
    return {
        "checkpoint": str(arguments.checkpoint),
        "windows": len(windows.observations),
        "strength": arguments.strength,
        "weight": weight,
        "weight_before": before,
        "written": arguments.write,
        "pulls": [dataclasses.asdict(pull) for pull in pulls],
    }
