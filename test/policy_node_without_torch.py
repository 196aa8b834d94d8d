"""The policy node in a process that refuses to import torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from qgf_ros.nodes.policy_node import main


class NoTorch(MetaPathFinder):
    """Asked before all other finders."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Refuses torch; leaves every other module to the others."""
        if name.split(".")[0] == "torch":
            raise ImportError("torch is refused in this process")


if __name__ == "__main__":
    assert "torch" not in sys.modules
    sys.meta_path.insert(0, NoTorch())
    raise SystemExit(main())
