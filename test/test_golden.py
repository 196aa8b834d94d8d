"""Parity with the authors' implementation: every array of every golden file (golden/README.md says what each one is).

Set QGF_GOLDEN_DIR to check another set of the same layout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden_answers import answers, golden_directory, load

# Stated by the golden README for float32 with float32 time frequencies. It states none for the norms of whole gradients, which lie
# near 50, where a float32 rounding is 4e-6: they may differ by eight roundings more. Sampler arrays and inputs are copied or summed in
# float32 order, so they are equal.
ABSOLUTE, RELATIVE_OF_NORMS = 2e-5, 1e-6
NORM = "_grad_global_norm"
KINDS = ("weights", "inference", "training")


def golden_files(directory: Path) -> list[str]:
    """Return the names of the files in a golden set."""
    return sorted(path.stem for path in directory.glob("*.npz"))


def every_array() -> list[tuple[str, str]]:
    """Return (file, array name) for all arrays of the set."""
    return [(file, name) for file in golden_files(golden_directory()) for name in load(file)]


@pytest.mark.parametrize(("file", "name"), every_array())
def test_every_golden_array_is_reproduced(file: str, name: str) -> None:
    expected, ours = load(file)[name], answers(file)
    assert name in ours.computed or name in ours.given, "no computation of ours answers this array"
    if name in ours.given:
        assert expected.shape == ours.given[name]
        assert np.isfinite(expected).all()
        return
    assert ours.computed[name].shape == expected.shape
    exact = file == "sampler" or "/batch/" in name
    absolute = 0.0 if exact else ABSOLUTE
    relative = RELATIVE_OF_NORMS if name.endswith(NORM) else 0.0
    np.testing.assert_allclose(ours.computed[name], expected, atol=absolute, rtol=relative)


@pytest.mark.parametrize("file", golden_files(golden_directory()))
def test_nothing_that_we_answer_is_absent_from_the_file(file: str) -> None:
    ours = answers(file)
    assert set(ours.computed) | set(ours.given) == set(load(file))


def test_the_set_is_complete() -> None:
    files = golden_files(golden_directory())
    prefixes = {file.rsplit("_", 1)[0] for file in files if file != "sampler"}
    assert prefixes, f"no golden files in {golden_directory()}"
    assert set(files) == {"sampler"} | {f"{prefix}_{kind}" for prefix in prefixes for kind in KINDS}


def test_both_critic_aggregations_and_both_chunkings_are_covered() -> None:
    if golden_directory() != Path(__file__).parent / "golden":
        pytest.skip("another golden set may have other configurations")
    weights = [load(file) for file in golden_files(golden_directory()) if file.endswith("_weights")]
    assert {int(file["meta/q_aggregation_is_mean"]) for file in weights} == {0, 1}
    assert {int(file["meta/action_chunking"]) for file in weights} == {0, 1}
