"""How fast a bag is looked through and becomes a data set: `python bench/bag_speed.py RECORDING --gigabytes 1`.

The bag is RECORDING again and again by the package's own writer, each copy later by its length: real messages, as many as are wanted.
Bytes are those of the messages, as they lie in a bag that is not compressed; the file may be smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore

from qgf_ros.bags.definitions import prefixes
from qgf_ros.bags.reader import read_bag, read_facts
from qgf_ros.bags.recorded import Recorded
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter
from qgf_ros.cli.convert_command import size_of
from qgf_ros.cli.main import main as qgf
from qgf_ros.contract.travel import unpack_contract

IMAGE = "sensor_msgs/msg/Image"
HEADED = (  # messages that begin with a stamp
    "JointState",
    "PoseStamped",
    "JointTrajectory",
    "DiagnosticArray",
    "Image",
)
STAMP = struct.Struct("<iI")
BILLION = 10**9


def later(message: Recorded, by_ns: int) -> Recorded:
    """The message, sent and stamped later."""
    data = message.data
    if message.type_name.rpartition("/")[2] in HEADED:
        sec, nanosec = STAMP.unpack_from(data, 4)
        stamp = divmod(sec * BILLION + nanosec + by_ns, BILLION)
        data = data[:4] + STAMP.pack(*stamp) + data[12:]
    received_ns, sent_ns = message.received_ns + by_ns, message.sent_ns + by_ns
    return message._replace(data=data, received_ns=received_ns, sent_ns=sent_ns)


def with_camera(messages: list[Recorded]) -> Iterator[Recorded]:
    """The messages, with an image of noise, 320 x 240, at every third joint state: about 33 a second."""
    store, draw = get_typestore(Stores.LATEST), np.random.default_rng(0)
    made = store.types
    for count, message in enumerate(messages):
        yield message
        if message.topic.endswith("/joint_states") and count % 3 == 0:
            sec, nanosec = STAMP.unpack_from(message.data, 4)
            stamp = made["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
            header = made["std_msgs/msg/Header"](stamp=stamp, frame_id="wrist")
            size = {"height": 240, "width": 320, "step": 960, "encoding": "rgb8", "is_bigendian": 0}
            image = made[IMAGE](header=header, data=draw.integers(0, 255, 240 * 960, np.uint8), **size)
            topic = message.topic.replace("/joint_states", "/wrist")
            yield message._replace(
                topic=topic, type_name=IMAGE, data=bytes(store.serialize_cdr(image, IMAGE))
            )


def write(recording: Path, folder: Path, most_bytes: int, storage: Storage, has_camera: bool) -> int:
    """Writes the copies; the bytes of their messages."""
    messages = sorted(read_bag(recording), key=lambda message: message.sent_ns)
    messages = list(with_camera(messages)) if has_camera else messages
    length_ns = messages[-1].received_ns - messages[0].sent_ns + BILLION
    writer = BagWriter(folder, prefixes(), storage=storage)
    writer.facts = read_facts(recording)
    for topic, kind in sorted({(message.topic, message.type_name) for message in messages}):
        writer.add_topic(topic, kind)
    written = copy = 0
    while written < most_bytes:
        for message in messages:
            moved = later(message, copy * length_ns)
            writer.write(moved.topic, moved.data, moved.received_ns, moved.sent_ns, moved.sequence)
            written += len(moved.data)
        writer.flush()
        copy += 1
    writer.close()
    return written


def timed(words: list[str]) -> tuple[float, float]:
    """Wall seconds of a verb, and those of a core that it and its processes took."""
    before, code, after = os.times(), qgf(words), os.times()
    assert code == 0, f"qgf {' '.join(words)} ended with {code}"
    return after.elapsed - before.elapsed, sum(after[:4]) - sum(before[:4])


def main() -> None:
    """Writes, inspects, converts, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--storage", choices=[kind.value for kind in Storage], default=Storage.MCAP.value)
    parser.add_argument("--images", action="store_true", help="with a camera, whose images are converted too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qgf_bag_speed_") as name:
        folder = Path(name)
        most_bytes, storage = round(arguments.gigabytes * 1e9), Storage(arguments.storage)
        written = write(arguments.recording, folder / "bag", most_bytes, storage, arguments.images)
        contract = str(unpack_contract(read_facts(folder / "bag"), folder / "unpacked").path)
        figures: dict[str, Any] = {
            "bytes": written,
            "bytes_on_disk": size_of(folder / "bag"),
            "storage": arguments.storage,
            "load_before": os.getloadavg()[0],
        }
        into = [str(folder / "data"), "--contract", contract, *["--images"] * arguments.images]
        for verb, more in (("inspect", []), ("convert", into)):
            wall_s, cpu_s = timed([verb, str(folder / "bag"), *more])
            figures[verb] = {"wall_s": wall_s, "cpu_s": cpu_s, "gb_a_minute": written / wall_s * 60e-9}
    print(json.dumps(figures, indent=2))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
