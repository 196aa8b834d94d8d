"""The last seconds of messages, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.bags.ring import Heard, Ring

S = 1_000_000_000


def heard(topic: str, time_ns: int, size: int = 1) -> Heard:
    return Heard(topic, "std_msgs/msg/Bool", b"x" * size, time_ns, time_ns, 0)


@given(
    steps=st.lists(st.tuples(st.integers(0, S), st.integers(0, 50)), max_size=80),
    most=st.integers(1, 200),
)
def test_what_is_kept_is_the_newest_and_neither_too_old_nor_too_large(
    steps: list[tuple[int, int]], most: int
) -> None:
    ring, now, all_of_it = Ring[Heard](3.0, most), 0, []
    for step, size in steps:
        now += step
        all_of_it.append(heard("/a", now, size))
        ring.add(all_of_it[-1])
        kept = ring.messages
        assert kept == all_of_it[len(all_of_it) - len(kept) :]
        assert sum(len(message.data) for message in kept) <= most
        assert all(now - message.time_ns <= 3 * S for message in kept)
        dropped = all_of_it[len(all_of_it) - len(kept) - 1] if len(kept) < len(all_of_it) else None
        if dropped is not None:  # and nothing was dropped without need
            size_with_it = len(dropped.data) + sum(len(message.data) for message in kept)
            assert now - dropped.time_ns > 3 * S or size_with_it > most


def test_what_holds_comes_first_its_newest_only_and_however_old() -> None:
    ring = Ring[Heard](1.0, 1000)
    ring.hold(heard("/limits", 0))
    ring.hold(newest := heard("/limits", 1))
    ring.add(old := heard("/a", 2))
    ring.add(late := heard("/a", 10 * S))
    assert ring.messages == [newest, late]
    assert old not in ring.messages


def test_its_length_is_told_in_seconds() -> None:
    ring = Ring[Heard](30.0, 1000)
    assert ring.seconds == 0.0
    for number in range(40):
        ring.add(heard("/a", number * S))
    assert ring.seconds == pytest.approx(30.0)
