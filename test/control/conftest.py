"""Fixtures of the tests of control."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_files import two_joints
from session_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A session over the contract of two joints, at full speed."""
    return Bench(two_joints(tmp_path))
