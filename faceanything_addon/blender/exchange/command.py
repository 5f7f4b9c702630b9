"""Exports through Blender without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import bpy

from ...errors import UserError
from ...exchange.meshes import check_template, checked_rate
from ...exchange.skin import Tell, skin_picture
from ...exchange.target import refuse_source
from ...take.files import TakeReader
from ...take.storage import target_file, write_errors
from ...template import Template, load_template
from ..context import scene_of
from .build import Plan, build_export
from .formats import FORMATS, checked_content, checked_suffix, write_scene

TEMPORARY = ".{stem}.faceanything-{process}-"  # how the folder is called in which a process makes a file
SPARE = 1.5  # free space that must be there, in sizes of what is written
LEFT = 1 << 16  # bytes that must be free afterwards: exporters do not tell of a full disk


def export_file(
    take: str | Path,
    kind: str,
    out: str | Path,
    content: str | None,
    space: str | None,
    rate: float | None,
    report: Callable[[int, int], None],
    tell: Tell | None = None,
) -> list[Path]:
    """Write a take as Alembic, USD, glTF or FBX. What is open in this Blender is lost.

    Args:
        kind: of formats.FORMATS.
        content: see build.Plan; None: the format's usual one. space: None: "camera".
        rate: frames a second; None: the take's.
        report: called with frames done and frames in all; what it raises ends the export, and nothing is left.
        tell: hears, in a line, what had to be left out.

    Returns:
        the files, the one that was asked for first.

    Raises:
        UserError: the take is no good, an option does not suit the format, or the file cannot be written.
    """
    out = target_file(Path(out).expanduser().absolute())
    checked_suffix(kind, out)
    refuse_source(take, out)
    content, reader, template = checked_content(kind, content), TakeReader(take), load_template()
    check_template(reader, template)
    rate = checked_rate(rate, reader.info.fps)
    prefix = TEMPORARY.format(stem=out.stem, process=os.getpid())
    with write_errors(out), tempfile.TemporaryDirectory(prefix=prefix, dir=out.parent) as folder:
        work, made = Path(folder) / "work", Path(folder) / "made"
        for part in (work, made):
            part.mkdir()
        _check_space(out, _size(reader, template, content) * SPARE)
        picture = _copied(skin_picture(reader, template, tell), work, out.stem)
        plan = Plan(content, space or "camera", rate, FORMATS[kind].first, work, picture)
        _export(reader, template, plan, kind, made / out.name, report)
        _check_space(out, LEFT)
        return _moved(made, out, reader.folder)


def _export(
    reader: TakeReader, template: Template, plan: Plan, kind: str, file: Path, report: Callable[[int, int], None]
) -> None:
    # Not read_factory_settings: that would unregister this very extension.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = scene_of(bpy.context)
    for item in build_export(scene, reader, template, plan, report):
        item.select_set(True)
    scene.frame_set(scene.frame_start)
    write_scene(kind, file, plan.content, scene)
    # The picture and the cache lie in a folder that is about to go.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def _copied(picture: Path | None, work: Path, stem: str) -> Path | None:
    """The picture under a name that may lie beside the file."""
    if picture is None:
        return None
    return Path(shutil.copyfile(picture, work / f"{stem}_skin{picture.suffix}"))


def _size(reader: TakeReader, template: Template, content: str) -> float:
    """Bytes that are written at most, about: positions in the scene's cache and in the file, shapes, curves."""
    positions = len(reader) if content == "mesh" else len(template.expressions)
    return 24 * len(template.vertices) * positions + 2000 * len(reader)


def free_space(folder: Path) -> int:
    """Bytes that may still be written there."""
    return shutil.disk_usage(folder).free


def _check_space(out: Path, size: float) -> None:
    if free_space(out.parent) < size:
        raise UserError(f"{out}: the disk is full, {size / 1e6:.1f} MB are needed; free some space or choose another")


def _moved(made: Path, out: Path, take: Path) -> list[Path]:
    files = sorted((file for file in made.rglob("*") if file.is_file()), key=lambda file: file.name != out.name)
    targets = [out.parent / file.relative_to(made) for file in files]
    for target in targets:
        refuse_source(take, target)
    for file, target in zip(files, targets, strict=True):
        target.parent.mkdir(exist_ok=True)
        file.replace(target)
    return targets
