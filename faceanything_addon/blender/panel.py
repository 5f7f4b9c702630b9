"""The panel in the 3D view's sidebar."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import Any

import bpy

from ..errors import UserError
from ..jobs.predictors import FULL, JOINT
from ..take.anew import in_the_making
from ..take.files import read_header
from .jobs import Job, state
from .operators import CLASSES as OPERATORS
from .preferences import Choices, choices
from .properties import is_folder, settings_of, take_folder
from .requirements import problem

LETTER, BORDER = 7.0, 64.0  # pixels at scale 1: a letter of usual width, and what frame and icon take


class FACEANYTHING_PT_capture(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_capture"
    bl_label = "Face Anything"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen, settings = choices(context), settings_of(context)
        trouble = problem() if chosen.sites else None
        if trouble:
            draw_text(layout, trouble, "ERROR", line_length(context))
            return
        draw_settings(layout, settings)
        draw_set_up(layout, chosen, settings.predictor, line_length(context))
        if state.job is not None:
            draw_job(layout, state.job)
        else:
            draw_actions(layout, take_folder(settings), bpy.path.abspath(settings.footage))
        if state.error:
            draw_text(layout, state.error, "ERROR", line_length(context))
        elif state.note and state.job is None:
            draw_text(layout, state.note, "INFO", line_length(context))


def draw_settings(layout: Any, settings: Any) -> None:
    column = layout.column()
    column.enabled = state.job is None
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "footage")
    column.prop(settings, "out")
    if is_folder(settings):
        column.prop(settings, "fps")
    _draw_optional(column, settings, "use_range", ("start", "end"))
    _draw_optional(column, settings, "use_fov", ("fov",))
    column.prop(settings, "masks")
    column.prop(settings, "predictor")
    if settings.predictor == FULL:
        for name in ("device", "mode", *(("window",) if settings.mode == JOINT else ())):
            column.prop(settings, name)


def draw_set_up(layout: Any, chosen: Choices, predictor: str, length: int) -> None:
    """What the full-size network still needs."""
    try:
        chosen.worker(predictor)
    except UserError as error:
        draw_text(layout, str(error), "INFO", length)
        layout.operator("face_anything.preferences", icon="PREFERENCES")


def _draw_optional(layout: Any, settings: Any, switch: str, names: tuple[str, ...]) -> None:
    layout.prop(settings, switch)
    if getattr(settings, switch):
        part = layout.column(align=True)
        for name in names:
            part.prop(settings, name)


def draw_job(layout: Any, job: Job) -> None:
    column = layout.column(align=True)
    column.progress(factor=job.fraction, type="BAR", text=f"{job.fraction:.0%}")
    column.label(text=job.text)
    column.operator("face_anything.cancel", icon="CANCEL")


def draw_actions(layout: Any, folder: Path | None, footage: str) -> None:
    stage = take_stage(folder)
    begun = stage is not None and stage != "complete" or folder is not None and in_the_making(folder) != folder
    other = other_footage(folder, footage) if stage not in (None, "damaged") else None
    if other is not None:
        layout.label(text=f"take of {other.name}", icon="INFO")
    column = layout.column(align=True)
    column.scale_y = 1.3
    if stage is None:
        column.enabled = folder is not None
        column.operator("face_anything.capture", icon="PLAY")
    else:
        if begun:
            column.operator("face_anything.capture", text="Resume", icon="PLAY").resume = True
        column.operator("face_anything.capture", text="Capture Again", icon="FILE_REFRESH").overwrite = True
    row = layout.column(align=True)
    row.operator("face_anything.load_take", icon="IMPORT")
    if stage == "complete":
        row.operator("face_anything.preview", icon="FILE_MOVIE")


def take_stage(folder: Path | None) -> str | None:
    """How far the take in a folder is; None where there is none."""
    if folder is None or not (folder / "take.json").is_file():
        return None
    try:
        return read_header(folder).stage
    except UserError:
        return "damaged"


def other_footage(folder: Path | None, footage: str) -> Path | None:
    """What a take was made of, where that is other footage than the chosen: names that differ in the suffix alone
    share a folder."""
    if folder is None or not footage:
        return None
    try:
        recorded, chosen = Path(read_header(folder).info.footage), Path(footage)
    except UserError:
        return None
    if recorded.exists() and chosen.exists():
        return None if recorded.samefile(chosen) else recorded
    return None if recorded.name == chosen.name else recorded  # both may have been moved since


def line_length(context: Any) -> int:
    """Letters that fit into the sidebar as wide as it is now."""
    width = context.region.width / context.preferences.system.ui_scale
    return max(16, int((width - BORDER) / LETTER))


def draw_text(layout: Any, text: str, icon: str, length: int) -> None:
    """A line of any length, wrapped."""
    box = layout.box().column(align=True)
    for number, line in enumerate(wrap(text, length)):
        box.label(text=line, icon=icon if number == 0 else "BLANK1")


CLASSES = (*OPERATORS, FACEANYTHING_PT_capture)
