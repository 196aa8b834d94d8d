"""The images of a bag: of each camera the newest ones, unpacked only where a row needs them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.bags.decode import decode, header_stamp_ns
from qgf_ros.bags.recorded import Recorded
from qgf_ros.bounds import PIXELS, RECORD_BYTES
from qgf_ros.errors import ObservationRefused, UnreadableMessage

IMAGE = "sensor_msgs/msg/Image"
KEPT = 32  # of each camera: a second of them
OLDEST_NS = (
    500_000_000  # of an image at its row: a camera that has stood still for longer shows another world
)
CAMERAS = 16
_PLACES: Mapping[str, tuple[int, list[int]]] = {  # bytes a pixel, and which of them are red, green, blue
    "rgb8": (3, [0, 1, 2]),
    "bgr8": (3, [2, 1, 0]),
    "rgba8": (4, [0, 1, 2]),
    "bgra8": (4, [2, 1, 0]),
    "mono8": (1, [0, 0, 0]),
}

Image = npt.NDArray[np.uint8]


@dataclass
class _Shot:
    """State: an image's message, and the image once it was asked for."""

    stamp_ns: int
    message: Recorded
    unpacked: Image | None = None

    def image(self) -> Image:
        """Raises UnreadableMessage."""
        if self.unpacked is None:
            self.unpacked = image_of(self.message)
        return self.unpacked


class BagImages:
    """State: the newest images of each camera, in the order of sending. A camera is called as its topic below `namespace`, `/` as `_`."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._shots: dict[str, deque[_Shot]] = {}

    def concerns(self, _topic: str, type_name: str) -> bool:
        """Whether messages are images."""
        return type_name == IMAGE

    def take(self, message: Recorded) -> None:
        """The next image. Raises UnreadableMessage where it has no stamp, or is of one camera too many."""
        name = re.sub(r"\W+", "_", message.topic.removeprefix(self._namespace)).strip("_")
        if name not in self._shots and len(self._shots) == CAMERAS:
            raise UnreadableMessage(message.topic, IMAGE, f"it is of the camera after {CAMERAS} others")
        shots = self._shots.setdefault(name, deque(maxlen=KEPT))
        shots.append(_Shot(header_stamp_ns(message), message))

    def before(self, tick_ns: int, sent_ns: int) -> dict[str, Image]:
        """What each camera showed at a tick (height, width, 3): the newest that was stamped no later and sent by then.

        Raises:
            ObservationRefused: reason `missing` or `stale`: one has none, or none that is young enough.
            UnreadableMessage: one cannot be unpacked.
        """
        found = {}
        for name, shots in self._shots.items():
            earlier = (
                shot
                for shot in reversed(shots)
                if shot.stamp_ns <= tick_ns and shot.message.sent_ns <= sent_ns
            )
            newest = next(earlier, None)
            if newest is None:
                raise ObservationRefused("missing", f"There is no image of {name} yet.")
            if tick_ns - newest.stamp_ns > OLDEST_NS:
                age_s = (tick_ns - newest.stamp_ns) * 1e-9
                raise ObservationRefused("stale", f"The newest image of {name} is {age_s:.3f} s old.")
            found[name] = newest.image()
        return found


def image_of(message: Recorded) -> Image:
    """The image (height, width, 3) in a `sensor_msgs/Image`, red first.

    Raises:
        UnreadableMessage: its encoding is none of those with 8 bits that are known, its sizes do not fit, or it is no image.
    """
    found = decode(message, RECORD_BYTES)
    if found.encoding not in _PLACES:
        problem = f"its encoding is '{found.encoding[:40]}', and {', '.join(_PLACES)} are read"
        raise UnreadableMessage(message.topic, IMAGE, problem)
    width_bytes, places = _PLACES[found.encoding][0] * found.width, _PLACES[found.encoding][1]
    rows = np.asarray(found.data, np.uint8)
    if (
        not 0 < found.width * found.height <= PIXELS
        or found.step < width_bytes
        or len(rows) != found.step * found.height
    ):
        problem = f"{len(rows)} bytes in lines of {found.step} are no image of {found.width} x {found.height}"
        raise UnreadableMessage(message.topic, IMAGE, problem)
    pixels = rows.reshape(found.height, found.step)[:, :width_bytes].reshape(found.height, found.width, -1)
    return pixels if places == [0, 1, 2] and pixels.shape[2] == 3 else pixels[:, :, places]
