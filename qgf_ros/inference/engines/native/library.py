"""Finds the compiled library beside this file and declares its functions. Its C side: interface.cpp, sampler.h."""

from __future__ import annotations

import ctypes
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from qgf_ros.errors import MissingKernelError

VERSION = 1
"""Of the structures below: the library's must be the same."""

NAME = "kernel"
FOLDER = Path(__file__).resolve().parent


class Request(ctypes.Structure):
    """`qgf::Request`: addresses of arrays that live until the walk is finished."""

    _fields_ = (
        ("observation", ctypes.c_void_p),
        ("noise", ctypes.c_void_p),
        ("times", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("embedding", ctypes.c_void_p),
        ("committed", ctypes.c_void_p),
        ("freedom", ctypes.c_void_p),
        ("steps", ctypes.c_int32),
        ("candidates", ctypes.c_int32),
        ("estimator", ctypes.c_int32),
        ("entries", ctypes.c_int32),
        ("clean_prefix", ctypes.c_int32),
    )


class Answer(ctypes.Structure):
    """`qgf::Answer`."""

    _fields_ = (
        ("actions", ctypes.c_void_p),
        ("scores", ctypes.c_void_p),
        ("q_first", ctypes.c_float),
        ("guidance_norm", ctypes.c_float),
        ("best", ctypes.c_int32),
    )


def load_library(folder: Path = FOLDER) -> ctypes.CDLL:
    """The library, its functions declared. Calling them releases the global interpreter lock.

    Raises:
        MissingKernelError: it was not built, or is of another version, or cannot be loaded here.
    """
    for path in (folder / f"{NAME}{suffix}" for suffix in EXTENSION_SUFFIXES):
        if not path.is_file():
            continue
        try:
            library = ctypes.CDLL(str(path))
            found = library.qgf_version()
        except (OSError, AttributeError) as error:
            raise MissingKernelError(folder, f"{path.name} cannot be loaded ({error})") from error
        if found != VERSION:
            raise MissingKernelError(
                folder, f"{path.name} is of version {found}, this release needs {VERSION}"
            )
        return _declared(library)
    raise MissingKernelError(folder, "it was not built")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    library.qgf_level.restype = ctypes.c_char_p
    library.qgf_level.argtypes = (ctypes.c_char_p,)
    library.qgf_create.restype = ctypes.c_void_p
    library.qgf_create.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
    library.qgf_destroy.restype = None
    library.qgf_destroy.argtypes = (ctypes.c_void_p,)
    library.qgf_bytes.restype = ctypes.c_size_t
    library.qgf_bytes.argtypes = (ctypes.c_void_p,)
    library.qgf_run.argtypes = (
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_void_p,
    )
    return library
