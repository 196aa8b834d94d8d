"""`--processes` of the verbs that run something in parallel."""

from __future__ import annotations

import argparse
import os


def add_processes(parser: argparse.ArgumentParser, what: str = "parallel processes") -> None:
    """Declares how many processes run; as many as there are cores where nothing is said."""
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help=f"{what} (default: all cores)"
    )
