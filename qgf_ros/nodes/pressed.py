"""Which of several buttons are pressed. Each is released by its own word; one that is gone, by anybody's later word."""

from __future__ import annotations

from collections.abc import Iterable

GID_BYTES = 16  # of a publisher; some middlewares fill up with zeros what they tell
Publisher = bytes


def publisher_of(gid: Iterable[int]) -> Publisher:
    """Who published: a message's publisher and an endpoint of the graph are compared by this."""
    return bytes(gid)[:GID_BYTES]


class Pressed:
    """State: who is pressed, who is there, and each one's last word by number. Knows neither topics nor time. One thread."""

    def __init__(self) -> None:
        self._pressed: dict[Publisher, bool] = {}  # whether somebody else has said since that he is not
        self._there: set[Publisher] = set()
        self._numbers: dict[Publisher, int] = {}

    @property
    def is_any(self) -> bool:
        """True while one is pressed."""
        return bool(self._pressed)

    def is_news(self, publisher: Publisher, number: int | None) -> bool:
        """Whether a word, counted by its publisher where that is told, is newer than his last: one may come on two ways."""
        if number is None or not publisher:
            return True
        before = self._numbers.get(publisher, -1)
        self._numbers[publisher] = max(number, before)
        return number > before

    def say(self, publisher: Publisher, is_pressed: bool) -> None:
        """A publisher's word."""
        self._there.add(publisher)
        if is_pressed:
            self._pressed[publisher] = False
            return
        self._pressed.pop(publisher, None)
        self._pressed = dict.fromkeys(self._pressed, True)
        self._forgive()

    def see(self, there: set[Publisher]) -> None:
        """Who publishes now."""
        self._there = there
        self._numbers = {
            one: number for one, number in self._numbers.items() if one in there or one in self._pressed
        }
        self._forgive()

    def _forgive(self) -> None:
        gone = [one for one, is_released in self._pressed.items() if is_released and one not in self._there]
        for publisher in gone:
            del self._pressed[publisher]
