"""A certificate's texts say all of it, exactly, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.certificate import Certificate
from qgf_ros.errors import UnreadableCertificate

VECTORS = st.lists(st.floats(allow_nan=False), max_size=8).map(tuple)


@given(VECTORS, st.floats(0, 1), st.integers(0, 2**62), st.booleans())
def test_what_is_written_is_read_back_bit_by_bit(values, speed, stamp, shadow):
    certificate = Certificate(
        positions=values,
        speed=speed,
        chunk_stamp_ns=stamp,
        shadow=shadow,
        findings=("slow:ood", "clamp:range"),
    )
    assert Certificate.from_texts(certificate.texts()) == certificate


def test_a_missing_and_an_unknown_key_are_named():
    texts = Certificate().texts()
    del texts["speed"]
    with pytest.raises(UnreadableCertificate, match=r"other, speed: missing or unknown"):
        Certificate.from_texts(texts | {"other": ""})


@pytest.mark.parametrize(
    ("key", "text"), [("tick", "1.5"), ("speed", "fast"), ("shadow", "True"), ("positions", "1 x")]
)
def test_a_value_of_another_kind_is_refused_by_name(key, text):
    with pytest.raises(UnreadableCertificate, match=key):
        Certificate.from_texts(Certificate().texts() | {key: text})
