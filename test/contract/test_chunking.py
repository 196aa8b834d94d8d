"""How chunks follow one another is part of the deployment, and only what can be carried out is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.errors import ContractError, InvalidSetting, UnknownKeys

LENGTH = 4  # actions a chunk in the contract of two joints


def with_chunks(folder: Path, **chunks: Any) -> Contract:
    return two_joints(folder, lambda content: content["deployment"].update(chunks=chunks))


def test_without_the_block_chunks_are_synchronous_and_played_to_their_end(tmp_path: Path) -> None:
    contract = two_joints(tmp_path)
    assert contract.deployment.chunks == Chunking(ChunkMode.SYNCHRONOUS, None, 0)
    assert contract.execution_horizon == LENGTH


@pytest.mark.parametrize("mode", ["real_time", "naive", "ensemble"])
@given(horizon=st.integers(-1, 6), delay=st.integers(-1, 6))
def test_a_horizon_and_delay_are_accepted_where_the_chunk_in_play_lasts_until_the_next_takes_over(
    tmp_path_factory: pytest.TempPathFactory, mode: str, horizon: int, delay: int
) -> None:
    folder = tmp_path_factory.mktemp("contract")
    chunks = {"mode": mode, "execution_horizon": horizon, "delay": delay}
    if 1 <= horizon <= LENGTH and 0 <= delay <= horizon and delay + horizon <= LENGTH:
        assert with_chunks(folder, **chunks).execution_horizon == horizon
    else:
        with pytest.raises(ContractError) as caught:
            with_chunks(folder, **chunks)
        assert str(caught.value).count(".") == 3  # file name, key, and the end: one sentence


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ({"mode": "real_time", "delay": 1}, "horizon 4 and delay 1 .* with delay 1 it may be 1 to 3"),
        ({"mode": "naive", "execution_horizon": 1, "delay": 2}, "with delay 2 it may be 2 to 2"),
        ({"mode": "ensemble", "execution_horizon": 3, "delay": 3}, "the delay may be 0 to 2"),
        ({"mode": "real_time", "execution_horizon": 2, "delay": -1}, "the delay may be 0 to 2"),
        ({"mode": "synchronous", "execution_horizon": 2, "delay": 1}, "synchronous chunks have delay 0"),
        ({"execution_horizon": 5}, "an execution_horizon from 1 to 4"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_the_range_that_can(
    tmp_path: Path, chunks: dict[str, Any], words: str
) -> None:
    with pytest.raises(ContractError, match=words):
        with_chunks(tmp_path, **chunks)


def test_a_mode_or_key_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="one of synchronous, real_time, naive, ensemble"):
        with_chunks(tmp_path, mode="asynchronous")
    with pytest.raises(UnknownKeys, match="execution_horizon"):
        with_chunks(tmp_path, horizon=3)


def test_chunk_timing_is_no_part_of_the_interface(tmp_path: Path) -> None:
    plain = two_joints(tmp_path).interface.digest
    assert with_chunks(tmp_path, mode="real_time", execution_horizon=3, delay=1).interface.digest == plain
