"""What a MuJoCo model (MJCF) makes of a few words: attributes that are sizes, one by one and summed up, before MuJoCo allocates them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from qgf_ros.bounds import MODEL_DEFAULTS, MODEL_JOINTS, MODEL_KEYED, PICTURE_BYTES

SIZES = {
    "width": 4096, "height": 4096, "gridsize": 64, "nchannel": 4,
    "nkey": 100, "nuserdata": 10_000, "njmax": 10_000, "nconmax": 10_000, "nstack": 100_000,
    "numeric.size": 500, "dim": 100, "num": 3, "nsample": 10, "actdim": 10,
    **{f"nuser_{kind}": 100 for kind in ("body", "jnt", "geom", "site", "cam", "tendon", "actuator", "sensor")},
}  # fmt: skip
"""Largest values of attributes of these names, in any element, or in that before the dot: each is multiplied by how often such elements stand there."""
MEMORY_BYTES = 256 << 20  # of a scene's contacts; nothing is filled before there are any
UNITS = {"K": 1 << 10, "M": 1 << 20}
LONGEST_USER = 100  # numbers: the longest `user` of an element is the length of all of its kind
JOINTS = {"joint", "freejoint"}
CUBES, CHANNELS = 6, 3  # sides of a texture that is not stated to be flat
NEVER = {
    ("mesh", "builtin"): "MuJoCo makes it out of a few numbers",
    ("rangefinder", "camera"): "it has as many rays as pictures have points",
}
SIMULATED = {
    "gaintype": "muscle",
    "biastype": "muscle",
}  # their range is found by simulating while the model is loaded


@dataclass
class Sizes:
    """State: what was met so far, in one file and those that it includes."""

    elements: Counter[str] = field(default_factory=Counter)
    keys: int = 0
    _textures: list[tuple[bool, float, float]] = field(
        default_factory=list
    )  # is it flat, width, height; 0: not stated

    def note(self, name: str, attributes: dict[str, str]) -> str:
        """Takes in an element; what is wrong with it, or nothing."""
        self.elements[name] += 1
        for key, text in attributes.items():
            if (name, key) in NEVER:
                return f"'{key}' of '{name}' is {text[:40]}: {NEVER[name, key]}"
            if not _is_small(name, key, text):
                return f"'{key}' of '{name}' is {text[:40]}"
        if name == "texture":
            flat = attributes.get("type", "").strip() == "2d"
            width, height = (_largest(attributes.get(key, "")) for key in ("width", "height"))
            self._textures.append((flat, width, height))
        self.keys = max(self.keys, self.elements["key"], int(_largest(attributes.get("nkey", ""))))
        return ""

    def problem(self) -> str:
        """What is too much in all, or nothing."""
        joints, defaults = sum(self.elements[name] for name in JOINTS), self.elements["default"]
        if joints > MODEL_JOINTS:
            return f"it has {joints} joints, and at most {MODEL_JOINTS} are read"
        if defaults > MODEL_DEFAULTS:
            return f"it has {defaults} classes of defaults, and at most {MODEL_DEFAULTS} are read"
        keyed = self.keys * self.elements.total()
        if keyed > MODEL_KEYED:
            return f"it has {self.keys} key frames of {self.elements.total()} elements"
        pictured = self._pictured()
        if pictured > PICTURE_BYTES:
            return f"its textures need {pictured:.0f} bytes, and at most {PICTURE_BYTES} are made"
        return ""

    def _pictured(self) -> float:
        """Bytes of all textures; what one does not state it may have from the largest default."""
        widest, highest = (max((size[place] for size in self._textures), default=0.0) for place in (1, 2))
        total = 0.0
        for flat, width, height in self._textures:
            side = width or widest
            total += CHANNELS * (side * (height or highest) if flat else CUBES * side * side)
        return total


def _is_small(name: str, key: str, text: str) -> bool:
    if key == "memory":
        return _memory(text.strip()) <= MEMORY_BYTES
    if key == "user":
        return len(text.split()) <= LONGEST_USER
    if key in SIMULATED:
        return text.strip() != SIMULATED[key]
    most = SIZES.get(f"{name}.{key}", SIZES.get(key))
    return most is None or _largest(text) <= most


def _memory(text: str) -> float:
    unit = UNITS.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    return (
        int(digits) * unit if digits.isdecimal() and len(digits) <= 12 else (0 if text == "-1" else math.inf)
    )


def _largest(text: str) -> float:
    """The largest number in a text, or 0; infinite where it is not of numbers alone, for nobody knows what MuJoCo reads of it."""
    try:
        found = [float(word) for word in text.split()]
    except ValueError:
        return math.inf
    return math.inf if any(map(math.isnan, found)) else max([0.0, *found])
