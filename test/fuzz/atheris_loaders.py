"""Coverage-guided fuzzing of one loader: `python -m fuzz.atheris_loaders LOADER [libFuzzer's options]`. Needs qgf_ros[fuzz].

Of an input's files the first that changes by bytes is the fuzzer's; the others stay valid, and digests are made to fit.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qgf_ros", "yaml", "mcap", "zipfile", "json"]):
    from fuzz.targets import make_targets
    from qgf_ros.errors import QgfError

FIRST = {
    "contract": "contracts/c.yaml",
    "model": "robots/ur5e_2f85.xml",
    "graph": "graphs/closed_loop.yaml",
    "checkpoint": "checkpoint.json",
}


def main() -> None:
    """Runs until libFuzzer's options say otherwise; it stops at the first exception that is no QgfError, and keeps the input."""
    name, folder = sys.argv.pop(1), Path(tempfile.mkdtemp(prefix="qgf-atheris-"))
    target = make_targets(folder)[name]
    files = target.seeds[0]
    changed = FIRST.get(name, next(iter(files)))
    corpus, inside = folder / "corpus", folder / "in"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds):
        if changed in seed:
            (corpus / str(number)).write_bytes(seed[changed])
    for other, content in files.items():
        (inside / other).parent.mkdir(parents=True, exist_ok=True)
        (inside / other).write_bytes(content)

    def one(content: bytes) -> None:
        found = target.finish(files | {changed: content})
        (inside / changed).write_bytes(found[changed])
        with contextlib.suppress(QgfError):
            target.load(inside)

    atheris.Setup([sys.argv[0], *sys.argv[1:], str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
