"""Operators: each a thin wrapper over one call."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..errors import UserError
from ..jobs.process import WorkerProcess
from ..take.files import TakeReader
from .context import manager_of, scene_of, window_of
from .jobs import CaptureJob, Job, ThreadJob, state, stop_all
from .opening import opened
from .preferences import ROOT, choices
from .properties import clip_options, settings_of, take_folder
from .requirements import problem
from .show import choose_take, show_take
from .takes import open_take

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

POLL = 0.1  # seconds
REPLACED = "The new take replaces the one that is there, once it is finished"
BUTTONS = {
    "--overwrite": "Capture Again",
    "--resume": "Resume",
    "--fov-degrees": "Field of View",
    "--mode one-by-one": "Frames: One by One",
    "--window": "Window",
    "--device": "Device",
    "pip install 'faceanything[full]'": "choose a Python that has it in the preferences (Python with PyTorch)",
}


def fail(operator: bpy.types.Operator, line: str) -> set[OperatorReturnItems]:
    """Report one line, in the panel's words, and keep it for the panel."""
    for option, button in BUTTONS.items():
        line = line.replace(option, button)
    state.error = line
    operator.report({"ERROR"}, line)
    return {"CANCELLED"}


def redraw(context: bpy.types.Context) -> None:
    """Have the panel drawn again."""
    for window in manager_of(context).windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class JobOperator:
    """A job driven by a timer, or by a plain loop where there is no interface. Mixed into operators.

    Hence the `type: ignore[arg-type]`: the stubs cannot know that self is an operator.
    """

    alone = False  # nothing else may touch the scene meanwhile, not even a click on the panel's Cancel: Esc stops it
    _timer: bpy.types.Timer | None = None
    _scene: int = 0  # in which it was started

    def begin(self, context: bpy.types.Context) -> Job:
        """Start the work; every operator has its own. Raises UserError."""
        raise NotImplementedError

    def done(self, context: bpy.types.Context, job: Job) -> None:
        """The job ended well; every operator has its own. Raises UserError."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        if state.job is not None:
            return fail(self, "a job is running; wait for it or cancel it")  # type: ignore[arg-type]
        state.error = state.note = ""
        try:
            state.job = self.begin(context)
        except UserError as error:
            return fail(self, str(error))  # type: ignore[arg-type]
        self._scene = scene_of(context).session_uid
        manager, window = manager_of(context), window_of(context)
        if bpy.app.background or window is None:
            return self._wait(context, state.job)
        self._timer = manager.event_timer_add(POLL, window=window)
        manager.modal_handler_add(self)  # type: ignore[arg-type]
        return {"RUNNING_MODAL"}

    def scene(self, context: bpy.types.Context) -> bpy.types.Scene:
        """In which the job was started, whatever the window shows by now; undo makes references to it stale."""
        scenes = (scene for scene in bpy.data.scenes if scene.session_uid == self._scene)
        return next(scenes, scene_of(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        job = state.job
        if job is None:
            return self._leave(context)
        if event.type == "TIMER":
            job.poll()
            redraw(context)
        elif self.alone and (event.type, event.value) == ("ESC", "PRESS"):
            job.cancel()
        if job.finished:
            return self._end(context, job)
        return {"RUNNING_MODAL"} if self.alone else {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender loads another file or quits."""
        self._leave(context)
        stop_all()

    def _wait(self, context: bpy.types.Context, job: Job) -> set[OperatorReturnItems]:
        while not job.finished:
            time.sleep(POLL)
            job.poll()
        return self._end(context, job)

    def _end(self, context: bpy.types.Context, job: Job) -> set[OperatorReturnItems]:
        state.job = None
        self._leave(context)
        if job.cancelled:
            state.note = "Stopped"
            return {"CANCELLED"}
        try:
            if job.error:
                raise UserError(job.error)
            self.done(context, job)
        except UserError as error:
            return fail(self, str(error))  # type: ignore[arg-type]
        state.note = "; ".join([state.note, *job.warnings]).strip("; ")
        return {"FINISHED"}

    def _leave(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        if self._timer is not None:
            manager_of(context).event_timer_remove(self._timer)
        self._timer = None
        redraw(context)
        return {"CANCELLED"}


class FACEANYTHING_OT_capture(JobOperator, bpy.types.Operator):
    """Turn the footage into an animated head. Blender stays usable meanwhile"""

    bl_idname = "face_anything.capture"
    bl_label = "Capture"
    bl_options = {"REGISTER", "UNDO"}

    resume: BoolProperty(options={"SKIP_SAVE", "HIDDEN"})
    overwrite: BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        if self.overwrite:
            return manager_of(context).invoke_confirm(
                self, event, title="Capture Again", message=REPLACED, confirm_text="Capture"
            )
        return self.execute(context)

    def begin(self, context: bpy.types.Context) -> Job:
        chosen, settings = choices(context), settings_of(context)
        python, sites = chosen.worker(settings.predictor)
        trouble = problem() if sites else None
        if trouble:
            raise UserError(trouble)
        options = clip_options(settings, chosen.threads, chosen.checkpoint, self.resume, self.overwrite)
        return CaptureJob(WorkerProcess(options, python, sites))

    def done(self, context: bpy.types.Context, job: Job) -> None:
        assert isinstance(job, CaptureJob) and job.take is not None
        state.note = show_take(context, self.scene(context), job.take)


class FACEANYTHING_OT_load_take(bpy.types.Operator):
    """Build the scene of a take that is on disk"""

    bl_idname = "face_anything.load_take"
    bl_label = "Load Take"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        folder = take_folder(settings_of(context))
        if folder is not None and not self.directory:
            self.directory = str(folder) + "/"
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        try:
            folder = Path(bpy.path.abspath(self.directory))
            state.note = show_take(context, scene_of(context), str(folder))
            choose_take(settings_of(context), folder, TakeReader(folder).info.footage)
        except UserError as error:
            return fail(self, str(error))
        return {"FINISHED"}


class FACEANYTHING_OT_preview(JobOperator, bpy.types.Operator):
    """Write a video of the mesh over the footage into the take's folder, and play it"""

    bl_idname = "face_anything.preview"
    bl_label = "Preview Video"

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})

    def begin(self, context: bpy.types.Context) -> Job:
        trouble = problem()
        if trouble:
            raise UserError(trouble)
        folder = Path(bpy.path.abspath(self.directory)) if self.directory else take_folder(settings_of(context))
        if folder is None:
            raise UserError("no take is chosen; set Footage or Take in the Face Anything panel")
        self.file = folder / "preview.mp4"
        take, template = open_take(folder)

        from ..exchange.preview import write_preview

        return ThreadJob("Drawing", lambda report: write_preview(take, template, self.file, report=report))

    def done(self, context: bpy.types.Context, job: Job) -> None:
        state.note = f"{self.file}: written"
        if not bpy.app.background and not opened(self.file):
            self.report({"INFO"}, f"{self.file}: written; no program was found that opens it")


class FACEANYTHING_OT_preferences(bpy.types.Operator):
    """Open the extension's preferences: the full-size network's licence, weights and Python"""

    bl_idname = "face_anything.preferences"
    bl_label = "Preferences"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            bpy.ops.preferences.addon_show(module=ROOT)
        except RuntimeError as error:  # registered by a script, or no interface
            return fail(self, f"{ROOT}: has no preferences here ({str(error).strip()}); install it as an extension")
        return {"FINISHED"}


class FACEANYTHING_OT_cancel(bpy.types.Operator):
    """Stop the running job. A capture can be resumed later"""

    bl_idname = "face_anything.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return state.job is not None

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        if state.job is not None:
            state.job.cancel()
        return {"FINISHED"}


CLASSES = (
    FACEANYTHING_OT_capture,
    FACEANYTHING_OT_load_take,
    FACEANYTHING_OT_preview,
    FACEANYTHING_OT_preferences,
    FACEANYTHING_OT_cancel,
)
