"""Marks of tests that need what not every machine has; each says what to install."""

from __future__ import annotations

import shutil

import pytest
import torch

from qgf_ros.errors import MissingKernelError
from qgf_ros.inference.engines.native.library import load_library

COMPILERS = ("g++", "c++", "clang++")


def missing_library() -> str:
    """Why engine cpu's compiled library cannot be used here, and what to install; empty where it can."""
    try:
        load_library()
    except MissingKernelError as missing:
        return str(missing)
    return ""


needs_library = pytest.mark.skipif(
    bool(missing_library()), reason=missing_library() or "the library is there"
)
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="needs a C++ compiler: install g++ or clang++"
)
needs_gcc = pytest.mark.skipif(
    shutil.which("g++") is None, reason="needs the C++ compiler of GCC: install g++"
)
needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="needs an NVIDIA GPU: install its driver, then PyTorch with CUDA (make setup takes it where nvidia-smi sees a GPU)",
)
