"""Operators: each a thin wrapper over one call."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ...errors import UserError
from ...retarget.create import ArkitShapes, make_shapes
from ...retarget.create.fronts import front_rotation
from ...template import load_template
from ..context import active_of, scene_of, view_layer_of
from ..jobs import Job, ThreadJob, state
from ..operators import JobOperator, fail
from ..preferences import choices
from ..requirements import problem
from .landmarks import add_landmarks, scene_landmarks
from .pieces import COPY as ORIGINAL
from .pieces import chosen_meshes, read_pieces
from .properties import AUTO, create_settings
from .result import accept, add_copies, axes_of, chosen_result, discard, take_in_hand

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class FACEANYTHING_OT_make_shapes(JobOperator, bpy.types.Operator):
    """Make the 52 ARKit shape keys for the selected meshes, on copies. Blender stays usable meanwhile"""

    bl_idname = "face_anything.make_shapes"
    bl_label = "Make ARKit Shape Keys"
    bl_options = {"REGISTER", "UNDO"}

    def begin(self, context: bpy.types.Context) -> Job:
        trouble = problem()
        if trouble:
            raise UserError(trouble)
        meshes = chosen_meshes(context)
        pieces, settings = read_pieces(meshes), create_settings(context)
        landmarks = scene_landmarks(scene_of(context)) if settings.use_landmarks else None
        front = None if settings.front == AUTO else front_rotation(settings.front)
        threads = choices(context).threads
        self.names, self.counts = [m.name for m in meshes], [len(p.vertices) for p in pieces]
        # The shapes are of this moment, even where the character moves on meanwhile.
        self.axes = [axes_of(m) for m in meshes]
        self.made: list[ArkitShapes] = []

        def work(report: Any) -> None:
            self.made.append(make_shapes(pieces, load_template(), report, landmarks, front, threads))

        return ThreadJob("Making shapes", work)

    def done(self, context: bpy.types.Context, job: Job) -> None:
        # Meshes may have been edited or removed meanwhile, and undo makes all references to them stale.
        scene, made = self.scene(context), self.made[0]
        meshes = [scene.objects.get(name) for name in self.names]
        for mesh, name, count in zip(meshes, self.names, self.counts, strict=True):
            if mesh is None or mesh.type != "MESH" or len(mesh.data.vertices) != count:
                raise UserError(f"{name}: was changed while the shapes were made; make them again")
        collection = add_copies(scene, meshes, made.names, made.offsets, self.axes)
        layer = view_layer_of(context) if scene == scene_of(context) else scene.view_layers[0]
        layer.objects.active = collection.objects[0]
        state.note = "; ".join([f"{collection.name}: {len(made.names) - len(made.empty)} shapes", *notes(made)])


def notes(made: ArkitShapes) -> list[str]:
    """What the user should know of the shapes."""
    told = []
    if "mouth" not in made.openings:
        told.append("no opening of the mouth was found: the lips cannot part")
    if not {"eyeLeft", "eyeRight"} <= set(made.openings):
        told.append("not all eyes have an opening: look at the blinks")
    if made.empty:
        told.append(f"nothing to move for {', '.join(made.empty)}")
    return told


class ResultOperator:
    """What is done with the copies. Mixed into operators."""

    def apply(self, scene: bpy.types.Scene, collection: Any) -> str:
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        operator: Any = self
        try:
            scene = scene_of(context)
            state.note = self.apply(scene, chosen_result(scene, active_of(context)))
        except UserError as error:
            return fail(operator, str(error))
        return {"FINISHED"}


class FACEANYTHING_OT_accept_shapes(ResultOperator, bpy.types.Operator):
    """Move the new shape keys onto the character's own meshes and remove the copies"""

    bl_idname = "face_anything.accept_shapes"
    bl_label = "Accept"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, scene: bpy.types.Scene, collection: Any) -> str:
        active = active_of(bpy.context)
        first = active.get(ORIGINAL) if active is not None else None
        names = accept(scene, collection)
        take_in_hand(sorted((scene.objects[name] for name in names), key=lambda item: item != first))
        return f"{', '.join(names)}: has ARKit shape keys"


class FACEANYTHING_OT_discard_shapes(ResultOperator, bpy.types.Operator):
    """Remove the copies with the new shape keys"""

    bl_idname = "face_anything.discard_shapes"
    bl_label = "Discard"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, scene: bpy.types.Scene, collection: Any) -> str:
        name = collection.name
        discard(scene, collection)
        return f"{name}: removed"


class FACEANYTHING_OT_add_landmarks(bpy.types.Operator):
    """Add empties for the landmarks of the face, to be moved onto a character that is not recognised"""

    bl_idname = "face_anything.add_landmarks"
    bl_label = "Add Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        try:
            add_landmarks(scene_of(context), chosen_meshes(context))
        except UserError as error:
            return fail(self, str(error))
        return {"FINISHED"}


CLASSES = (
    FACEANYTHING_OT_make_shapes,
    FACEANYTHING_OT_accept_shapes,
    FACEANYTHING_OT_discard_shapes,
    FACEANYTHING_OT_add_landmarks,
)
