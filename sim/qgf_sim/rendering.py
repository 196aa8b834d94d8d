"""Pictures of a simulation, fast enough in software: no shadows, no reflections, no multisampling."""

from __future__ import annotations

import mujoco
import numpy as np
import numpy.typing as npt


class Camera:
    """A fixed camera of a model. Raises RuntimeError where MuJoCo finds no GL library."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int, name: str | int) -> None:
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, height)
        model.vis.quality.offsamples = 0
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # the class of a GL failure depends on the backend
            raise RuntimeError(f"no picture: {error}") from error
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._name = name

    def picture(self, data: mujoco.MjData) -> npt.NDArray[np.uint8]:
        """A picture (height, width, 3)."""
        self._renderer.update_scene(data, camera=self._name)
        return np.asarray(self._renderer.render(), dtype=np.uint8)
