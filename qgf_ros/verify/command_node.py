"""Which command node a recording is of: its namespace, by the topic of its certificates."""

from __future__ import annotations

from pathlib import Path

from qgf_ros.bags.reader import Recorded, is_finished, read_bag
from qgf_ros.errors import NotVerifiableError, QgfError

CERTIFICATE = "command_node/certificate"
ARRAY = "diagnostic_msgs/msg/DiagnosticArray"


def namespace_of(message: Recorded) -> str | None:
    """That of the command node whose certificate it is, ending in a slash; None of another message."""
    if message.type_name != ARRAY or not message.topic.endswith("/" + CERTIFICATE):
        return None
    return message.topic.removesuffix(CERTIFICATE)


def first_namespace(folder: Path) -> str:
    """That of the first certificate in a bag; nothing before it is kept.

    Raises:
        NotVerifiableError: there is none.
    """
    problem = ""
    try:
        for message in read_bag(folder):
            if (namespace := namespace_of(message)) is not None:
                return namespace
    except QgfError as error:
        problem = str(error).rstrip(".")
    cut = "" if is_finished(folder) else ", and its recorder did not finish"
    none = f"it has no certificates (topic {CERTIFICATE}){cut}; record a command node with it"
    raise NotVerifiableError(folder, problem or none)
