"""What one tick did, and the command that tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from qgf_ros.control.chunk_player import ChunkPlayer
from qgf_ros.control.limits import Motion
from qgf_ros.datatypes import BegunAction, Finding, JointCommand, Rung, Seam, Verdict


@dataclass(frozen=True)
class Played:
    """One tick: the motion, where it came from, how fast the path went on, what was found, the action that began if one did."""

    motion: Motion
    rung: Rung
    speed: float = 1.0
    findings: tuple[Finding, ...] = ()
    action: BegunAction | None = None

    def command(
        self, stamp_ns: int, tick: int, player: ChunkPlayer, wants_chunk: bool, reason: str, seam: Seam | None
    ) -> JointCommand:
        """The command of tick number `tick`; `reason` stands in it only while the arm holds."""
        return JointCommand(
            stamp_ns=stamp_ns,
            tick=tick,
            positions=self.motion.positions,
            velocities=self.motion.velocities,
            accelerations=self.motion.accelerations,
            rung=self.rung,
            reason=reason if self.rung is Rung.HOLD else "",
            chunk_stamp_ns=player.chunk_stamp_ns,
            actions_left=player.actions_left,
            wants_chunk=wants_chunk,
            clipped=sum(finding.verdict is Verdict.CLAMP for finding in self.findings),
            begun=player.begun,
            seam=seam,
            speed=self.speed,
            findings=self.findings,
            source=player.source,
            action=self.action,
        )
