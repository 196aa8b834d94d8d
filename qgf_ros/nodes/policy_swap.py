"""Another critic for a running policy node: it is loaded, warmed up and measured beside, in a thread, while chunks go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgf_ros.errors import InvalidSetting, QgfError, SwapFailed
from qgf_ros.inference.same_policy import check_same_policy
from qgf_ros.nodes.policy_parameters import PolicySettings
from qgf_ros.nodes.policy_setup import Setup

MakeSetup = Callable[[PolicySettings], Setup]


class Swap:
    """State: the candidate that is being made ready, and what came of it. To be asked from one thread."""

    def __init__(self, make_setup: MakeSetup, settings: PolicySettings) -> None:
        """`settings` are those in use; where their checkpoint is a link, what it points at now is what runs."""
        self._make_setup = make_setup
        self._settings = replace(settings, checkpoint=settings.checkpoint.resolve())
        self._thread: threading.Thread | None = None
        self._made: Setup | QgfError

    def begin(self, candidate: str) -> None:
        """Makes the candidate ready in a thread of its own.

        Raises:
            InvalidSetting: none is named, or one is being made ready.
        """
        if not candidate:
            raise InvalidSetting("Parameter candidate", candidate, "the path of a checkpoint's folder")
        if self._thread is not None:
            raise InvalidSetting("Parameter candidate", candidate, "swapped one at a time: another warms up")
        self._thread = threading.Thread(
            target=self._make, args=(Path(candidate).expanduser().resolve(),), daemon=True
        )
        self._thread.start()

    def take_over(self, running: Setup) -> Setup | None:
        """Where the candidate is ready, what runs from now on: it, with the running proposer, which goes over to it. Else None.

        To be called between chunks. Raises QgfError, once, where the candidate cannot be taken; what runs stays.
        """
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread, made = None, self._made
        if not isinstance(made, Setup):
            raise made
        running.proposer.adopt(made.proposer)
        return replace(made, proposer=running.proposer)

    def _make(self, candidate: Path) -> None:
        try:
            check_same_policy(self._settings.checkpoint, candidate)
            self._made = self._make_setup(replace(self._settings, checkpoint=candidate))
        except QgfError as error:
            self._made = error
        except Exception as error:  # whatever it is: the node runs on as it did
            self._made = SwapFailed(candidate, error)
