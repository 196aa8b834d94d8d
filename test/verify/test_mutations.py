"""The verifier finds every violation that is planted in a recording, and none in the recordings as they were made."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from planted import MUTATIONS, NoPlace, Tape
from recorded_bags import record
from verified_world import Entry, World

from qgf_ros.bags.reader import read_facts
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.travel import unpack_contract
from qgf_ros.verify.bag import Report, verify_bag
from qgf_ros.verify.violation import What

BAGS, TICKS, ATTEMPTS = 64, 200, 20
ROBOTS = ("ur5e_cube", "jaco_reach", "ur5e_cube_trajectory")
PLANTED = list(MUTATIONS)


def run(seed: int) -> tuple[Contract, list[Entry]]:
    """A random run of one of the robots."""
    world = World(ROBOTS[seed % len(ROBOTS)], seed)
    return world.contract, world.run(TICKS)


def verified(entries: list[Entry], contract: Contract, folder: Path) -> Report:
    """What the verifier says of a bag with these messages, the contract taken from the bag itself."""
    bag = record(entries, folder / "bag", contract, folder.parent / "definitions")
    facts = read_facts(bag)
    return verify_bag(bag, unpack_contract(facts, folder / "unpacked"), facts)


def planted(contract: Contract, entries: list[Entry], seed: int) -> tuple[Contract, list[Entry], What]:
    """The run with the violation that this seed plants, and what must be found; in another run, perhaps of another robot, where it has no place for it."""
    mutate = PLANTED[seed % len(PLANTED)]
    for attempt in range(1, ATTEMPTS):
        tape = Tape(contract, entries, seed)
        try:
            mutate(tape)
            return contract, tape.entries, MUTATIONS[mutate]
        except NoPlace:
            contract, entries = run(seed + 2 * BAGS * attempt)
    raise NoPlace


@pytest.mark.parametrize("seed", range(BAGS))
def test_a_planted_violation_is_found_and_nothing_without_one(seed: int, tmp_path: Path) -> None:
    contract, entries = run(seed)
    clean = verified(entries, contract, tmp_path / "clean")
    assert clean.holds, clean.violations[:5]
    assert clean.ticks == TICKS
    its_contract, changed, what = planted(contract, entries, seed)
    found = verified(changed, its_contract, tmp_path / "mutated")
    assert not found.holds
    assert what.value in found.counts, (what, dict(found.counts))


def test_at_least_fifteen_kinds_are_planted_each_in_a_bag() -> None:
    assert len(PLANTED) >= 15
    assert len(PLANTED) <= BAGS
