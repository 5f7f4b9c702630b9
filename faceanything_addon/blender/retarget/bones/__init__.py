"""Performances onto rigs whose face is moved by bones."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .apply import retarget_bones, run_retarget_bones
from .options import BoneOptions, BoneReport
from .rigs import find_rig

__all__ = ["BoneOptions", "BoneReport", "find_rig", "retarget_bones", "run_retarget_bones"]
