"""One parent for all tests of rivals, which leave it as it is."""

from __future__ import annotations

import pytest

from test.data.conftest import small_interface
from test.rivals.world import Parent, make_parent


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Parent:
    """A small trained checkpoint with its data."""
    return make_parent(tmp_path_factory.mktemp("parent"), small_interface())
