"""Where the files lie that belong to the package: graphs, contracts, parameters, checkpoints."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from qgf_ros.errors import MissingShareError

PACKAGE = "qgf_ros"


def share_path(relative: str) -> Path:
    """A file or folder of the package, for example `share_path("config/graphs")`.

    In a clone, or where a workspace links to one, it lies in the clone, so that code and files belong together; otherwise
    below `share/qgf_ros` of the first prefix in AMENT_PREFIX_PATH that has the package, or of the Python environment.

    Raises:
        MissingShareError: it is in none of these places.
    """
    roots = [Path(__file__).resolve().parent.parent]
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    roots += [Path(prefix) / "share" / PACKAGE for prefix in prefixes if prefix]
    for root in roots:
        if (root / "package.xml").is_file() and os.path.exists(root / relative):
            return root / relative
    raise MissingShareError(relative, roots)
