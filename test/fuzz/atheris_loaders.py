"""Coverage-guided fuzzing of one loader: `python -m fuzz.atheris_loaders LOADER [libFuzzer's options]`. Needs qgf_ros[fuzz].

The first byte of an input chooses one of the loader's valid inputs and a file of it that the loader's target changes; the rest is
that file. The others stay valid, and digests are made to fit.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qgf_ros", "qgf_sim", "yaml", "mcap", "zipfile", "json"]):
    from fuzz.targets import make_targets
    from qgf_ros.errors import QgfError


def main() -> None:
    """Runs until libFuzzer's options say otherwise; it stops at the first exception that is no QgfError, and keeps the input."""
    name, folder = sys.argv.pop(1), Path(tempfile.mkdtemp(prefix="qgf-atheris-"))
    target = make_targets(folder)[name]
    places = [(files, changed) for files in target.seeds for changed in target.names(files)][:256]
    corpus, inside = folder / "corpus", folder / "in"
    corpus.mkdir()
    for number, (files, changed) in enumerate(places):
        (corpus / str(number)).write_bytes(bytes([number]) + files[changed])

    def one(content: bytes) -> None:
        files, changed = places[content[0] % len(places) if content else 0]
        shutil.rmtree(inside, ignore_errors=True)
        for path, part in target.finish(files | {changed: content[1:]}).items():
            (inside / path).parent.mkdir(parents=True, exist_ok=True)
            (inside / path).write_bytes(part)
        with contextlib.suppress(QgfError):
            target.load(inside)

    atheris.Setup([sys.argv[0], *sys.argv[1:], str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
