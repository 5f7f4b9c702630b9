"""Transfer to rigs whose face is moved by bones: known rigs, poses, and what is solved in between."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .bonemap import Bone, BoneMap, Delta, Eyes
from .tables import Match, chosen_bones, fit_map, known_rig, load_bones, recognise_rig, rig_names, save_bones

__all__ = [
    "Bone",
    "BoneMap",
    "Delta",
    "Eyes",
    "Match",
    "chosen_bones",
    "fit_map",
    "known_rig",
    "load_bones",
    "recognise_rig",
    "rig_names",
    "save_bones",
]
