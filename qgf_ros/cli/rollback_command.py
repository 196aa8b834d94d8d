"""`qgf rollback NAME`: the checkpoint that was in use before is in use again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "point a name at the checkpoint that was in use before the present one"
EXAMPLE = 'qgf rollback out/in_use --why "drops cubes since this morning"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("name", type=Path, help="folder that `qgf promote --name` made")
    parser.add_argument("--why", default="by hand", help="a reason for the log (default: by hand)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rolls back, says so, returns the versions."""
    from qgf_ros.named import Named

    name = Named(arguments.name)
    before = name.version()
    version = name.roll_back(arguments.why)
    print(
        f"{arguments.name} pointed at {before}, now at {version}; a policy node takes it with its next configure"
    )
    return {"name": str(arguments.name), "from": before, "version": version}
