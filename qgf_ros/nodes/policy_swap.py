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
    """State: the `checkpoint` in use, the candidate that is being made ready, what came of it. To be asked from one thread."""

    def __init__(self, make_setup: MakeSetup) -> None:
        self._make_setup = make_setup
        self.use(None)

    def use(self, checkpoint: Path | None) -> None:
        """It is in use from now on; None: nothing is. Where it is a link, what it points at now is what runs."""
        self.checkpoint = None if checkpoint is None else checkpoint.resolve()
        self._thread: threading.Thread | None = None
        self._candidate = Path()
        self._made: Setup | QgfError

    def begin(self, candidate: str, settings: PolicySettings) -> str:
        """Makes the candidate ready in a thread of its own, with these settings but for the checkpoint; in words.

        Raises:
            InvalidSetting: nothing is configured, none is named, or one is being made ready.
        """
        if self.checkpoint is None:
            raise InvalidSetting("The policy node", "unconfigured", "configured before a critic is swapped")
        if not candidate:
            raise InvalidSetting("Parameter candidate", candidate, "the path of a checkpoint's folder")
        if self._thread is not None:
            raise InvalidSetting("Parameter candidate", candidate, "swapped one at a time: another warms up")
        self._candidate = Path(candidate).expanduser().resolve()
        wanted = replace(settings, checkpoint=self._candidate)
        self._thread = threading.Thread(target=self._make, args=(self.checkpoint, wanted), daemon=True)
        self._thread.start()
        return f"{candidate} warms up"

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
        self.checkpoint = self._candidate
        return replace(made, proposer=running.proposer)

    def _make(self, current: Path, wanted: PolicySettings) -> None:
        try:
            check_same_policy(current, wanted.checkpoint)
            self._made = self._make_setup(wanted)
        except QgfError as error:
            self._made = error
        except Exception as error:  # whatever it is: the node runs on as it did
            self._made = SwapFailed(wanted.checkpoint, error)
