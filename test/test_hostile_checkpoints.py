"""Checkpoints with changed bytes and values: networks that can be run, or a sentence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_cases import SHAPES, random_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.checkpoint import CONFIG, WEIGHTS, load_checkpoint, save_checkpoint
from qgf_ros.errors import QgfError

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint."""
    folder = tmp_path_factory.mktemp("saved") / "c"
    save_checkpoint(folder, random_checkpoint(SHAPES[0], 0))
    return folder


def problem(folder: Path) -> str:
    """What is said of it; nothing where it is loaded, and then it can be asked."""
    try:
        checkpoint = load_checkpoint(folder)
    except QgfError as error:
        return str(error)
    config = checkpoint.networks.config
    with torch.no_grad():
        critic, action = checkpoint.networks.target_critic, torch.zeros(1, config.vector_dim)
        found = critic.q(critic.encode(torch.zeros(1, config.observation_dim)), action)
    assert found.shape[-1] == 1
    return ""


def changed(folder: Path, name: str, content: bytes) -> str:
    """What is said of it with another content of a file, the digest made to fit."""
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / name).write_bytes(content)
    try:
        if name == WEIGHTS:
            described = json.loads((folder / CONFIG).read_text())
            described["weights_sha256"] = hashlib.sha256(content).hexdigest()
            (folder / CONFIG).write_text(json.dumps(described))
        return problem(folder)
    finally:
        for path, before in whole.items():
            path.write_bytes(before)


def test_the_whole_one_is_loaded(saved: Path) -> None:
    assert problem(saved) == ""


@given(st.sampled_from([CONFIG, WEIGHTS]), st.data())
def test_changed_bytes_give_networks_or_a_sentence(saved: Path, name: str, data: st.DataObject) -> None:
    whole = (saved / name).read_bytes()
    end = len(whole) if name == CONFIG else 4000  # where the header ends, about
    place, value = data.draw(st.integers(0, end - 1)), data.draw(st.binary(min_size=1, max_size=8))
    said = changed(saved, name, whole[:place] + value + whole[place + len(value) :])
    assert said == "" or str(saved) in said


@given(st.data(), VALUES)
def test_another_value_in_the_description_gives_networks_or_a_sentence(
    saved: Path, data: st.DataObject, value: Any
) -> None:
    described = json.loads((saved / CONFIG).read_text())
    place = described
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    said = changed(saved, CONFIG, json.dumps(described).encode())
    assert said == "" or str(saved) in said


@given(st.integers(0, 2000))
def test_weights_that_are_cut_short_are_refused(saved: Path, length: int) -> None:
    assert WEIGHTS in changed(saved, WEIGHTS, (saved / WEIGHTS).read_bytes()[:length])
