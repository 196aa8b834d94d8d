"""docs/safety.md: its reasons are those of the code, and every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qgf_ros.control.reasons import REASONS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(test/[\w/.:]+)`", PAGE)))


def test_the_page_lists_every_reason_with_its_verdict_and_sentence_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z_ ]+)` \| (\w*) \| (.+?) \|$", PAGE, re.MULTILINE)
    expected = [(code, r.verdict.value if r.verdict else "", r.sentence) for code, r in REASONS.items()]
    assert [row for row in rows if row[0] in REASONS or row[2].endswith(".")] == expected


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_page_names_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert (ROOT / path).exists()
    if function:
        assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")


def test_hazards_name_their_tests() -> None:
    hazards = PAGE.partition("## Hazards")[2].partition("\n## ")[0]
    rows = [line for line in hazards.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 20
    assert all("`test/" in row for row in rows)
