"""What is asked for, and what came of it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, field

from ....retarget.bones import BoneMap
from ....retarget.placement import Start
from ....retarget.second import SecondTake
from ....solve.edit import Edit
from ..apply import counted
from ..characters import lost_line

SHARE_OF_NECK = 0.35
MORE = "assign more bones to points, or record poses such as jawOpen"


@dataclass(frozen=True)
class BoneOptions:
    """How a performance is put onto a rig."""

    bones: BoneMap | None = None  # None: what the armature keeps, else what is recognised
    mirror: bool = False  # the subject's left drives the character's right
    first: float | Start = 1.0  # scene frame of the first sample, or how it is found
    head: bool = True  # turn neck and head
    eyes: bool = True  # turn the eyes
    head_bone: str = ""  # instead of the map's
    speed: float = 1.0  # 2 plays twice as fast
    neck_share: float = SHARE_OF_NECK  # of the head's turn that the neck makes
    adopt_rate: bool = False  # the scene takes over the performance's frame rate
    sound: bool = False  # the footage's sound in the sequencer, in step
    edit: Edit = field(default_factory=Edit)  # before bones are solved; its tolerance is of the bones' curves
    seconds: tuple[SecondTake, ...] = ()  # seen over ranges of frames


@dataclass(frozen=True)
class BoneReport:
    """What was done and what was not."""

    rig: str  # name of the map
    driven: tuple[str, ...]  # bones
    frames: tuple[int, int]  # first and last
    missing: tuple[str, ...]  # bones of the map that the armature lacks
    idle: tuple[str, ...]  # bones that move nothing of the face, or are held by constraints
    locked: tuple[str, ...]  # bones whose channels are locked, or connected to their parents
    held: tuple[str, ...]  # channels left to their drivers
    actions: tuple[str, ...]
    keys: int  # in all curves
    dense: int  # before they were reduced
    sound: str = ""  # what became of it
    coarse: str = ""  # why the skin's own motion is not known; empty: it is
    untold: tuple[str, ...] = ()  # bones that stay as nothing tells how they are to move
    why_untold: str = ""
    overrides: tuple[str, ...] = ()  # the armature, where Blender does not save what is remembered with it

    def lines(self) -> list[str]:
        """For people: what was done, then what was left out."""
        done = f"{self.rig}: {counted(len(self.driven), 'bone')}, frames {self.frames[0]} to {self.frames[1]}"
        fewer = f"{self.keys:,} of {self.dense:,} keys ({self.keys / self.dense:.0%})" if self.keys < self.dense else ""
        left = {
            "missing bones": self.missing,
            "bones that move nothing": self.idle,
            "locked": self.locked,
            "held by drivers": self.held,
        }
        coarse = f"coarser, by the bones' points: {self.coarse}" if self.coarse else ""
        untold = f"not driven: {', '.join(self.untold)} ({self.why_untold}; {MORE})" if self.untold else ""
        told = [line for line in (self.sound, fewer, coarse, untold, lost_line(self.overrides)) if line]
        return [done, *told, *(f"{k}: {', '.join(v)}" for k, v in left.items() if v)]
