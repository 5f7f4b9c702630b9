"""The actor's profile in the interface: read, written, measured, and applied to what the panel plays."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from bpy.props import BoolProperty, PointerProperty, StringProperty

from ...errors import UserError
from ...exchange.sources import read_performance
from ...retarget.calibration import (
    ActorProfile,
    calibrate,
    fit_gains,
    load_profile,
    neutral_of,
    profile_of,
    save_profile,
)
from ...retarget.placement import Start
from ...take.performance import Performance
from ...take.storage import parse_json
from ..context import manager_of, scene_of
from ..jobs import state
from ..operators import fail
from ..scene.timing import rate_of
from .properties import panel_start, retarget_settings, source_path

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties
AROUND = 2  # samples before and after the current frame that a neutral is the median of


class FACEANYTHING_PG_actor(bpy.types.PropertyGroup):
    use: BoolProperty(name="Use Profile", description="Apply the actor's neutral and gains", default=True)
    text: StringProperty(options={"HIDDEN"})  # the profile as JSON; empty: none


def actor_settings(context: Any) -> Any:
    scene: Any = scene_of(context)
    return scene.face_anything_actor


def panel_profile(context: Any) -> ActorProfile:
    """The scene's profile; an empty one where there is none, or none that can be read."""
    try:
        kept = parse_json(actor_settings(context).text or "{}")
        return profile_of(kept) if isinstance(kept, dict) else ActorProfile()
    except ValueError:
        return ActorProfile()


def set_profile(context: Any, profile: ActorProfile) -> None:
    actor_settings(context).text = json.dumps(asdict(profile))


def panel_performance(context: Any) -> Performance:
    """The chosen performance as the actor's profile sees it.

    Raises:
        UserError: none is chosen, or it cannot be read.
    """
    return as_actor(context, source_path(context))


def as_actor(context: Any, path: str | Path) -> Performance:
    """Any performance as the actor's profile sees it, where that is used.

    Raises:
        UserError: it cannot be read.
    """
    performance = read_performance(path)
    return calibrate(performance, panel_profile(context)) if actor_settings(context).use else performance


def samples_around(performance: Performance, scene: bpy.types.Scene, start: Start, speed: float = 1.0) -> range:
    """Samples of a performance at and around the scene's current frame, where it begins at `start`.

    Raises:
        UserError: the current frame is not within it, or the start makes no sense.
    """
    rate = rate_of(scene)
    at = performance.time[0] + (scene.frame_current - start.of(performance, rate)) * (speed / rate)
    slack = 0.5 * speed / rate
    if not performance.time[0] - slack <= at <= performance.time[-1] + slack:
        raise UserError(f"frame {scene.frame_current}: is not within the performance; go to a frame of it")
    middle = int(np.abs(performance.time - at).argmin())
    return range(max(0, middle - AROUND), min(len(performance), middle + AROUND + 1))


class ActorOperator(bpy.types.Operator):
    """What the operators below share: one line said, of success or failure."""

    def attempt(self, work: Callable[[], str]) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        try:
            state.note = work()
        except UserError as error:
            return fail(self, str(error))
        return {"FINISHED"}


class FACEANYTHING_OT_actor_neutral(ActorOperator):
    """Take the performance's current frame for the actor's neutral face"""

    bl_idname = "face_anything.actor_neutral"
    bl_label = "Neutral from Current Frame"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return self.attempt(lambda: self.measure(context))

    def measure(self, context: bpy.types.Context) -> str:
        performance = read_performance(source_path(context))
        settings = retarget_settings(context)
        samples = samples_around(performance, scene_of(context), panel_start(settings), settings.speed)
        set_profile(context, replace(panel_profile(context), neutral=neutral_of(performance, samples)))
        return f"neutral: samples {samples[0]} to {samples[-1]}"


class FACEANYTHING_OT_actor_gains(ActorOperator):
    """Take the performance for the actor's range of motion: what goes furthest in it becomes 1"""

    bl_idname = "face_anything.actor_gains"
    bl_label = "Fit Gains from Take"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return self.attempt(lambda: self.measure(context))

    def measure(self, context: bpy.types.Context) -> str:
        profile = panel_profile(context)
        gains = fit_gains(read_performance(source_path(context)), profile.neutral)
        set_profile(context, replace(profile, gains=gains))
        return f"gains: {len(gains)} coefficients moved enough"


class FACEANYTHING_OT_save_actor(ActorOperator):
    """Write the actor's profile into a file"""

    bl_idname = "face_anything.save_actor"
    bl_label = "Save Profile"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})  # the file browser warns of a file that is there

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        self.filepath = self.filepath or "actor.json"
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        file = bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json")
        return self.attempt(lambda: f"{save_profile(panel_profile(context), file)}: written")


class FACEANYTHING_OT_load_actor(ActorOperator):
    """Read an actor's profile"""

    bl_idname = "face_anything.load_actor"
    bl_label = "Load Profile"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def load() -> str:
            profile = load_profile(bpy.path.abspath(self.filepath))
            set_profile(context, profile)
            return f"{profile.name}: loaded"

        return self.attempt(load)


class FACEANYTHING_OT_clear_actor(ActorOperator):
    """Forget the actor's profile"""

    bl_idname = "face_anything.clear_actor"
    bl_label = "Clear Profile"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        actor_settings(context).text = ""
        return {"FINISHED"}


class FACEANYTHING_PT_actor(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_actor"
    bl_label = "Actor"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_retarget"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings, profile = actor_settings(context), panel_profile(context)
        layout: Any = self.layout
        layout.prop(settings, "use")
        layout.label(text=f"{profile.name}: {len(profile.neutral)} offsets, {len(profile.gains)} gains", icon="USER")
        column = layout.column(align=True)
        column.operator("face_anything.actor_neutral", icon="KEYFRAME")
        column.operator("face_anything.actor_gains", icon="DRIVER_DISTANCE")
        row = layout.row(align=True)
        row.operator("face_anything.load_actor", text="Load", icon="FILE_FOLDER")
        row.operator("face_anything.save_actor", text="Save", icon="FILE_TICK")
        row.operator("face_anything.clear_actor", text="", icon="X")


CLASSES = (
    FACEANYTHING_OT_actor_neutral,
    FACEANYTHING_OT_actor_gains,
    FACEANYTHING_OT_save_actor,
    FACEANYTHING_OT_load_actor,
    FACEANYTHING_OT_clear_actor,
    FACEANYTHING_PT_actor,
)


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_actor)
    SCENE.face_anything_actor = PointerProperty(type=FACEANYTHING_PG_actor)


def unregister() -> None:
    del SCENE.face_anything_actor
    bpy.utils.unregister_class(FACEANYTHING_PG_actor)
