"""Operators of the Bones panel: each a thin wrapper over one call."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ....errors import UserError
from ....retarget.bones import load_bones, save_bones
from ....template.names import arkit_names
from ...context import manager_of, scene_of
from ...jobs import Job, state
from ...operators import JobOperator, fail
from ..actor import panel_performance
from .apply import retarget_bones
from .job import StepsJob
from .properties import PARTS, bone_settings, panel_bone, panel_bone_options, panel_rig
from .record import NEUTRAL, assign_bone, assign_part, clear_pose, record_pose, show_pose
from .rigs import STORED, match_of, own_map, store_map

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class FACEANYTHING_OT_retarget_bones(JobOperator, bpy.types.Operator):
    """Animate the bones of the character's armature by the performance. What animated it before is kept on NLA tracks,
    its constraints stay"""

    bl_idname = "face_anything.retarget_bones"
    bl_label = "Apply to Bones"
    bl_options = {"REGISTER", "UNDO"}
    alone = True  # the rig is in test poses meanwhile

    def begin(self, context: bpy.types.Context) -> Job:
        rig, options = panel_rig(context), panel_bone_options(context)
        performance = panel_performance(context)
        return StepsJob("Solving the bones", retarget_bones(scene_of(context), performance, rig, options))

    def done(self, context: bpy.types.Context, job: Any) -> None:
        state.note = "; ".join(job.result.lines())


def attempt(operator: bpy.types.Operator, work: Callable[[], str]) -> set[OperatorReturnItems]:
    """Do the work and show its line, or its error."""
    state.error = state.note = ""
    try:
        state.note = work()
    except UserError as error:
        return fail(operator, str(error))
    return {"FINISHED"}


class FACEANYTHING_OT_record_pose(bpy.types.Operator):
    """Keep how the face's bones stand now as the pose of this expression"""

    bl_idname = "face_anything.record_pose"
    bl_label = "Record Pose"
    bl_options = {"REGISTER", "UNDO"}

    shape: StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return attempt(self, lambda: self.record(context))

    def record(self, context: bpy.types.Context) -> str:
        if self.shape not in (NEUTRAL, *arkit_names()):
            raise UserError(f"{self.shape!r}: is no ARKit coefficient; choose one of the list")
        moved = record_pose(panel_rig(context), self.shape)
        return f"{self.shape}: {len(moved)} bones recorded"


class FACEANYTHING_OT_show_pose(bpy.types.Operator):
    """Pose the bones as recorded"""

    bl_idname = "face_anything.show_pose"
    bl_label = "Show Pose"
    bl_options = {"REGISTER", "UNDO"}

    shape: StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return attempt(self, lambda: self.show(context))

    def show(self, context: bpy.types.Context) -> str:
        rig = panel_rig(context)
        bones = own_map(rig)
        show_pose(rig, bones.poses.get(self.shape, {}), bones.neutral)
        return f"{self.shape}: shown"


class FACEANYTHING_OT_clear_pose(bpy.types.Operator):
    """Forget the recorded pose; the expression is solved again"""

    bl_idname = "face_anything.clear_pose"
    bl_label = "Clear Pose"
    bl_options = {"REGISTER", "UNDO"}

    shape: StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def clear() -> str:
            clear_pose(panel_rig(context), self.shape)
            return f"{self.shape}: forgotten"

        return attempt(self, clear)


class FACEANYTHING_OT_assign_bone(bpy.types.Operator):
    """Let the active bone move the chosen point of the face"""

    bl_idname = "face_anything.assign_bone"
    bl_label = "Assign Active Bone"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return attempt(self, lambda: self.assign(context))

    def assign(self, context: bpy.types.Context) -> str:
        rig, settings = panel_rig(context), bone_settings(context)
        active = rig.data.bones.active
        if active is None:
            raise UserError(f"{rig.name}: has no active bone; select one in pose mode")
        if settings.point in PARTS:
            assign_part(rig, settings.point, active.name)
        else:
            assign_bone(rig, active.name, panel_bone(settings))
        return f"{active.name}: assigned"


class FACEANYTHING_OT_save_bones(bpy.types.Operator):
    """Write which bones move the face, and the recorded poses, into a file, for other characters with the same rig"""

    bl_idname = "face_anything.save_bone_preset"
    bl_label = "Save Bone Preset"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})  # the file browser warns of a file that is there

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        self.filepath = self.filepath or "bones.json"
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def save() -> str:
            bones = match_of(panel_rig(context), None).bones
            return f"{save_bones(bones, bpy.path.ensure_ext(bpy.path.abspath(self.filepath), '.json'))}: written"

        return attempt(self, save)


class FACEANYTHING_OT_load_bones(bpy.types.Operator):
    """Read a bone preset and keep it with the armature"""

    bl_idname = "face_anything.load_bone_preset"
    bl_label = "Load Bone Preset"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def load() -> str:
            rig = panel_rig(context)
            match = match_of(rig, load_bones(bpy.path.abspath(self.filepath)))
            store_map(rig, match.bones)
            missing = f"; missing bones: {', '.join(match.missing)}" if match.missing else ""
            return f"{match.bones.name}: loaded{missing}"

        return attempt(self, load)


class FACEANYTHING_OT_clear_bones(bpy.types.Operator):
    """Forget assigned bones and recorded poses; the rig is recognised anew"""

    bl_idname = "face_anything.clear_bones"
    bl_label = "Clear Bones"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def clear() -> str:
            rig = panel_rig(context)
            rig.pop(STORED, None)
            return f"{rig.name}: forgotten"

        return attempt(self, clear)


CLASSES = (
    FACEANYTHING_OT_retarget_bones,
    FACEANYTHING_OT_record_pose,
    FACEANYTHING_OT_show_pose,
    FACEANYTHING_OT_clear_pose,
    FACEANYTHING_OT_assign_bone,
    FACEANYTHING_OT_save_bones,
    FACEANYTHING_OT_load_bones,
    FACEANYTHING_OT_clear_bones,
)
