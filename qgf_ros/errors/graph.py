"""Nodes that died, are silent or refuse."""

from __future__ import annotations

from qgf_ros.errors.base import QgfError


class NodeDiedError(QgfError):
    """A node that `qgf run` started has ended by itself."""

    def __init__(self, name: str, code: int, last_line: str) -> None:
        self.name = name
        self.code = code
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        said = f"its last words: {last_line}" if last_line else "it said nothing"
        super().__init__(f"{name} {how}, so the others were stopped; {said}")


class NotReadyError(QgfError):
    """A service was called when its node could not serve it. The caller says what is missing."""


class NodeSilentError(QgfError):
    """A node of the graph did not do in time what an episode needs."""

    def __init__(self, node: str, what: str, timeout_s: float, last_words: str) -> None:
        super().__init__(
            f"Waited {timeout_s:g} s for {what} from {node} in vain; last words: {last_words or 'none'}."
        )


class NodeRefusedError(QgfError):
    """A node of the graph refused a call."""

    def __init__(self, node: str, call: str, reason: str) -> None:
        super().__init__(f"{node} refused {call}: {reason or 'no reason given'}")


class LostMessagesError(QgfError):
    """The record of an episode has holes."""

    def __init__(self, certified: int, ticks: int, executed: int) -> None:
        super().__init__(
            f"The record has holes: {certified} certificates and {executed} commands arrived for {ticks} ticks; "
            "the computer or the network is too busy to record every tick."
        )
