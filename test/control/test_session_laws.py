"""Whatever happens, in whatever order: no command outside the limits, no stop that clears itself, no motion unasked for."""

from __future__ import annotations

from hypothesis import settings
from session_machine import SessionMachine

TestAnythingMayHappenToASession = SessionMachine.TestCase
TestAnythingMayHappenToASession.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
