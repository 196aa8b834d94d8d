"""Settings for all tests: laws are tried on a fixed set of examples, and a busy machine may take its time."""

import os
import signal

from hypothesis import settings

# Before torch is imported anywhere: tests use small tensors, which more threads only slow down.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("qgf", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("qgf")

# What is started in the background by a shell ignores Ctrl-C, and so do its children: those that are tested must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)
