"""The limits in force as the graph states them: what is no limit is refused, what is weaker than the contract's is named."""

from __future__ import annotations

import pytest
from verified_world import contract_of

from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.errors import UnreadableCertificate
from qgf_ros.verify.bounds import read_bounds

CONTRACT = contract_of("ur5e_cube")
STATED = LimitsInForce.of(CONTRACT).first_run(has_tool=True).values()


def test_the_tightened_limits_are_read_as_the_command_node_digests_them() -> None:
    bounds = read_bounds(STATED, CONTRACT)
    assert bounds.digest == LimitsInForce.of(CONTRACT).first_run(has_tool=True).digest
    assert bounds.weaker_than(CONTRACT) == []


@pytest.mark.parametrize("key", sorted(STATED))
@pytest.mark.parametrize("text", ["nan", "fast", ""])
def test_a_limit_that_is_no_number_is_refused(key: str, text: str) -> None:
    stated = STATED | {key: " ".join([text, *STATED[key].split()[1:]])}
    with pytest.raises(UnreadableCertificate):
        read_bounds(stated, CONTRACT)


@pytest.mark.parametrize("key", sorted(STATED))
def test_a_limit_that_is_missing_is_named(key: str) -> None:
    with pytest.raises(UnreadableCertificate):
        read_bounds({name: text for name, text in STATED.items() if name != key}, CONTRACT)


@pytest.mark.parametrize("key", sorted(STATED))
def test_a_limit_that_is_weaker_than_the_contracts_is_named(key: str) -> None:
    far = "-inf" if key.endswith("lower") else "inf"
    bounds = read_bounds(STATED | {key: " ".join([far] * len(STATED[key].split()))}, CONTRACT)
    [sentence] = bounds.weaker_than(CONTRACT)
    assert key.partition("_")[0] in sentence
