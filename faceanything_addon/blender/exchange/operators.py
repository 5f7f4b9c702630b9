"""Operators: each a thin wrapper over one call."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ...errors import UserError
from ...exchange.export import ExportOptions, export
from ...exchange.sources import read_performance
from ..context import manager_of
from ..jobs import Job, ThreadJob, state
from ..operators import JobOperator, fail, redraw
from . import playback
from .formats import FORMATS, checked_content
from .job import ExportJob
from .properties import exchange_settings, file_filter, meshes_wanted, source_path, with_suffix

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class FACEANYTHING_OT_export(JobOperator, bpy.types.Operator):
    """Write the take as a file for other tools. Blender stays usable meanwhile"""

    bl_idname = "face_anything.export"
    bl_label = "Export"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})  # the file browser warns of a file that is there

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        kind = exchange_settings(context).kind
        self.filepath, self.filter_glob = self.filepath or str(with_suffix(kind, "face")), file_filter(kind)
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def begin(self, context: bpy.types.Context) -> Job:
        settings = exchange_settings(context)
        out = with_suffix(settings.kind, bpy.path.abspath(self.filepath))
        job = start_export(settings, source_path(context), out)
        self.out = out
        return job

    def done(self, context: bpy.types.Context, job: Job) -> None:
        state.note = f"{self.out}: written"


def start_export(settings: Any, source: Path, out: Path) -> Job:
    """The export that the panel describes. Raises UserError: an option does not suit the format."""
    rate = settings.rate or None
    if settings.kind in FORMATS:
        choice = len(FORMATS[settings.kind].contents) > 1 and settings.content != "AUTO"
        content = checked_content(settings.kind, settings.content if choice else None)
        options = {"take": str(source), "kind": settings.kind, "out": str(out), "content": content}
        return ExportJob({**options, "space": settings.space, "rate": rate})
    chosen = ExportOptions(settings.space, rate) if meshes_wanted(settings) else ExportOptions()
    kind = settings.kind
    missing: list[str] = []
    job = ThreadJob("Exporting", lambda report: export(source, kind, out, chosen, report, missing.append))
    job.warnings = missing
    return job


class FACEANYTHING_OT_send(bpy.types.Operator):
    """Send the performance to another program whenever the timeline moves; press again to stop"""

    bl_idname = "face_anything.send_on_playback"
    bl_label = "Send on Playback"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        if playback.playback.sender is not None:
            playback.stop()
            redraw(context)
            return {"FINISHED"}
        settings = exchange_settings(context)
        try:
            playback.start(read_performance(source_path(context)), settings.host, settings.protocol)
        except UserError as error:
            return fail(self, str(error))
        state.note = f"{settings.host}: receives what is played"
        return {"FINISHED"}


CLASSES = (FACEANYTHING_OT_export, FACEANYTHING_OT_send)
