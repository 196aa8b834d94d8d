"""The base of every error that a user can cause."""

from __future__ import annotations

LONGEST_SENTENCE = 4000  # characters: what a list of many names may take


class QgfError(Exception):
    """Base of every error that a user of qgf_ros can cause.

    Its text is one sentence for the user: what was wrong, what was found, what would be accepted. A command line or a node
    catches this class, prints the sentence and stops safely; any other exception is a bug of ours.
    """

    def __init__(self, sentence: str) -> None:
        """Keeps the sentence to one line of printable characters: parts of it may come out of a hostile file."""
        super().__init__(_one_line(sentence))

    def __reduce__(self) -> tuple[object, ...]:
        """Crosses process borders whole: the default would call the constructor with the sentence in place of the facts."""
        return _restored, (type(self), self.args), dict(self.__dict__)


def _one_line(sentence: str) -> str:
    """Without what a terminal would obey, and not longer than a person reads."""
    if len(sentence) > LONGEST_SENTENCE:
        sentence = f"{sentence[: LONGEST_SENTENCE // 2]} [...] {sentence[-LONGEST_SENTENCE // 2 :]}"
    words = sentence.replace("\n", " ")
    return words if words.isprintable() else words.encode("unicode_escape").decode("ascii")


def _restored(cls: type[QgfError], arguments: tuple[object, ...]) -> QgfError:
    return cls.__new__(cls, *arguments)
