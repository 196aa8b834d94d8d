"""Where there is a C++ compiler the compiled libraries are there too: tests that need them are not skipped in silence."""

from __future__ import annotations

from needs import missing_library, needs_compiler

from qgf_ros.train.hidden import LIBRARY, fused_library

BUILD = "there is a C++ compiler: build it with python setup.py build_ext --inplace, and read what the compiler says"


@needs_compiler
def test_with_a_compiler_the_library_of_engine_cpu_is_built_and_loads() -> None:
    assert missing_library() == "", BUILD


@needs_compiler
def test_with_a_compiler_the_fused_layers_of_training_are_built_and_load() -> None:
    assert fused_library() is not None, f"{LIBRARY} is missing or cannot be loaded; {BUILD}"
