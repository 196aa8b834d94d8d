"""A tool that is heavier than its model says."""

from __future__ import annotations

import mujoco


class Payload:
    """The mass of the body that carries a site. State: what it carries now."""

    def __init__(self, model: mujoco.MjModel, site: str) -> None:
        self._model = model
        self._body = int(model.site(site).bodyid[0])
        self._empty_kg = float(model.body_mass[self._body])

    def set(self, kg: float) -> None:
        """The body is `kg` heavier than in its model; its inertia about its own centre stays, as of a point mass there."""
        self._model.body_mass[self._body] = self._empty_kg + kg
