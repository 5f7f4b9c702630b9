"""Exports beside the interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import glob
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import bpy

from ...jobs.process import WorkerProcess
from ..requirements import package_folders
from .command import TEMPORARY

WORKER = Path(__file__).resolve().with_name("worker.py")


class ExportProcess(WorkerProcess):
    """Another Blender that runs worker.py; `take` is the file in the end."""

    cure = "export again"  # nothing of an export is kept

    def __init__(self, options: dict[str, Any]) -> None:
        """options: the arguments of command.export_file. Raises UserError: Blender cannot be started."""
        text = json.dumps({**options, "sites": package_folders()})
        if bpy.app.binary_path:
            blender = [bpy.app.binary_path, "--background", "--factory-startup"]
            self.start([*blender, "--python", str(WORKER), "--", text])
        else:
            self.start([sys.executable, "-I", "-u", str(WORKER), text])


class ExportJob:
    """An export in a process of its own; see jobs.Job."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.fraction, self.text = 0.0, "Exporting"
        self.finished, self.cancelled = False, False
        self.error: str | None = None
        self.warnings: list[str] = []
        self.file: str | None = None
        self._out, self._process = Path(options["out"]), ExportProcess(options)

    def poll(self) -> None:
        for message in self._process.poll():
            if "message" in message:
                self.warnings.append(str(message["message"]))
                continue
            done, total = message.get("done", 0), max(1, message.get("total", 1))
            # What comes after the last frame takes about as long and tells nothing.
            self.fraction, self.text = 0.5 * done / total, f"Exporting: {done} of {total}"
        if self._process.finished:
            self.file, self.error = self._process.take, self._process.error
            self.cancelled, self.finished = self._process.was_cancelled, True
            self._clean()

    def cancel(self) -> None:
        self.text = "Stopping"
        self._process.cancel()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._clean()

    def _clean(self) -> None:
        """Remove what a process that was ended half way has left."""
        prefix = TEMPORARY.format(stem=self._out.stem, process=self._process.pid)
        for folder in self._out.parent.glob(glob.escape(prefix) + "*"):
            shutil.rmtree(folder, ignore_errors=True)
