"""One parent for all tests of rivals."""

from __future__ import annotations

from pathlib import Path

import pytest

from qgf_ros.contract.schema import Interface
from test.data.conftest import interface as interface
from test.rivals.world import Parent, make_parent


@pytest.fixture
def parent(tmp_path: Path, interface: Interface) -> Parent:
    """A small trained checkpoint with its data."""
    return make_parent(tmp_path, interface)
