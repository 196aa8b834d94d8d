"""docs/algorithm.md points at real functions, on their real lines. Run this file to write the lines anew."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "algorithm.md"
# [flow/path.py:interpolate](../qgf_ros/flow/path.py#L30)
REFERENCE = re.compile(r"\[(?P<file>[\w/]+\.py):(?P<name>[\w.]+)\]\((?P<target>[^)#]+)#L(?P<line>\d+)\)")


def definitions(source: Path) -> dict[str, int]:
    """Return the line of each function and class, methods as `Class.method`."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    found: dict[str, int] = {}
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, kinds):
            found[node.name] = node.lineno
            children = node.body if isinstance(node, ast.ClassDef) else []
            found |= {
                f"{node.name}.{child.name}": child.lineno for child in children if isinstance(child, kinds)
            }
    return found


def references() -> list[re.Match[str]]:
    """Return all references of the page."""
    return list(REFERENCE.finditer(PAGE.read_text()))


def equation_numbers() -> list[int]:
    """Return the numbers of the equations, in the page's order."""
    return [
        int(number) for number in re.findall(r"^- \*\*\((\d+)\)\*\*", PAGE.read_text(), flags=re.MULTILINE)
    ]


def with_current_lines() -> str:
    """Return the page with each reference on its function's line."""

    def current(match: re.Match[str]) -> str:
        line = definitions(ROOT / "qgf_ros" / match["file"])[match["name"]]
        return f"[{match['file']}:{match['name']}]({match['target']}#L{line})"

    return REFERENCE.sub(current, PAGE.read_text())


@pytest.mark.parametrize("reference", references(), ids=lambda match: f"{match['file']}:{match['name']}")
def test_a_reference_resolves_to_its_function_and_line(reference: re.Match[str]) -> None:
    source = ROOT / "qgf_ros" / reference["file"]
    assert (PAGE.parent / reference["target"]).resolve() == source.resolve()
    assert definitions(source)[reference["name"]] == int(reference["line"]), (
        "run: python test/test_docs_algorithm.py"
    )


def test_equations_are_numbered_without_gaps() -> None:
    numbers = equation_numbers()
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20


@pytest.mark.parametrize("folder", ["flow", "critic", "train", "data", "rivals"])
def test_every_equation_that_a_docstring_cites_exists(folder: str) -> None:
    for source in (ROOT / "qgf_ros" / folder).glob("*.py"):
        cited = re.findall(r"Equations? \((\d+)\)(?: to \((\d+)\))?", source.read_text())
        assert all(int(number) in equation_numbers() for pair in cited for number in pair if number)


def test_every_python_link_is_a_checked_reference() -> None:
    assert len(references()) == PAGE.read_text().count(".py#L")


if __name__ == "__main__":
    PAGE.write_text(with_current_lines())
