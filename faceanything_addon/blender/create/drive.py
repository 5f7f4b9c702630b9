"""A take's own motion on a character's vertices: caches beside the scene, no shape keys."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...exchange.pc2 import read_pc2, write_pc2
from ...exchange.sources import read_performance
from ...exchange.target import refuse_own_file
from ...retarget.create import Carrier, Landmarks, Piece, lay_template
from ...take.files import TakeReader
from ...take.performance import Performance
from ...template import load_template
from .. import space
from ..command import make_scene_folder, save_scene
from ..context import scene_of
from ..retarget.actions import ActionWriter
from ..retarget.apply import head_at
from ..retarget.characters import Character
from ..retarget.command import KINDS, head_target, open_character
from ..retarget.head import held_of, write_head
from ..scene.head import attach_cache
from .command import character_meshes
from .pieces import read_pieces

FIRST = 1  # scene frame of the take's first
CHUNK = 8  # frames at a time
ALL = "all"  # in the name of the file that holds the motion of all meshes meanwhile
STILL = 1e-6  # of a mesh's size: what moves less in no frame gets no cache

Report = Callable[[int, int], None]


def drive_file(
    take_folder: str | Path,
    character_file: str | Path,
    out: str | Path,
    name: str | None,
    landmarks: Landmarks | None,
    front: np.ndarray | None,
    head: str | None,
    report: Report,
) -> str:
    """Open a character, put the take's motion on it and save the scene. What is open in this Blender is lost.

    The caches, one for each mesh that moves, lie beside the scene and belong to it.

    Args:
        name: object of the character; None: all meshes of the scene.
        head: bone or object that receives the head's turn; None: nothing does.

    Returns:
        a line for people: what moves.

    Raises:
        UserError: a file cannot be read or written, or no face is recognised.
    """
    file, out = Path(character_file).expanduser().absolute(), Path(out).expanduser().absolute()
    refuse_own_file(file, out, "the character's own file")
    make_scene_folder(out)
    performance = read_performance(take_folder)
    open_character(file, performance.rate, (*KINDS, ".obj"))
    scene = scene_of(bpy.context)
    meshes = character_meshes(scene, file, name)
    target, bone = head_target(scene, Character("", tuple(meshes), ()), head) if head is not None else (None, "")
    rate = scene.render.fps / scene.render.fps_base
    keys = FIRST + (performance.time - performance.time[0]) * rate
    moved = _write_caches(TakeReader(take_folder), meshes, out, landmarks, front, report)
    for mesh, cache in moved.items():
        attach_cache(mesh, cache, keys)
    left = _turn_head(target, bone, keys, performance)
    scene.frame_end = max(scene.frame_end, int(np.ceil(keys[-1])))
    save_scene(out)
    done = f"{', '.join(mesh.name for mesh in moved)}: {len(keys)} frames, cached beside {out.name}"
    return "; ".join((done, *left))


def _turn_head(target: Any, bone: str, keys: np.ndarray, performance: Performance) -> list[str]:
    """Key the head's turn at frames (F,) as far as it is free; for people, what is not."""
    if target is None or performance.head is None:
        return []
    held = held_of(target, bone)
    if not held.whole:
        writer = ActionWriter(f"{target.name} face")
        write_head(writer.curves(target), target, bone, keys, head_at(performance, performance.time, False))
    left = {"held by drivers": held.driven, "locked": held.locked}
    return [f"{why}: {', '.join(names)}" for why, names in left.items() if names]


def _write_caches(
    reader: TakeReader,
    meshes: Sequence[Any],
    out: Path,
    landmarks: Landmarks | None,
    front: np.ndarray | None,
    report: Report,
) -> dict[Any, Path]:
    """One cache for each mesh that moves. All motion goes through one file, so that no take has to be in memory."""
    pieces, files = read_pieces(meshes, keyless=False), cache_files(out, [mesh.name for mesh in meshes])
    everything = out.with_name(f"{out.stem}.{ALL}.pc2")
    try:
        write_pc2(everything, _motion(reader, pieces, landmarks, front, report))
        samples = read_pc2(everything)
        ends = np.cumsum([0, *(len(p.vertices) for p in pieces)])
        parts = [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        return {
            mesh: _write_cache(file, mesh, piece, samples[:, part])
            for mesh, piece, part, file in zip(meshes, pieces, parts, files, strict=True)
            if _moves(piece, samples[:, part])
        }
    finally:
        samples = None
        everything.unlink(missing_ok=True)


def _motion(
    reader: TakeReader, pieces: list[Piece], landmarks: Landmarks | None, front: np.ndarray | None, report: Report
) -> Iterator[np.ndarray]:
    """Displacements (V, 3) of all pieces' vertices in the world, frame by frame."""
    template, neutral = load_template(), reader.actor.neutral
    if len(neutral) != len(template.vertices):
        raise UserError(f"{reader.folder}: was made with another face template; capture the footage again")
    laid = lay_template(pieces, template, lambda done, total: report(done // 2, total), landmarks, front)
    carrier, done = Carrier(template, laid, neutral), 0
    for frames in reader.chunks():
        gaze = space.head_gaze(frames.gaze.astype(np.float64), frames.head_pose.astype(np.float64))
        for first in range(0, len(frames), CHUNK):
            part = slice(first, first + CHUNK)
            moved = carrier.carry(frames.vertices[part] - neutral, gaze=gaze[part])
            done += len(moved)
            report(50 + 50 * done // len(reader), 100)
            yield from moved[:, laid.body.nodes]


def _moves(piece: Piece, samples: np.ndarray) -> bool:
    if not len(piece.vertices):
        return False
    size = max(float(np.ptp(piece.vertices, axis=0).max()), 1e-12)
    return any(float(np.abs(sample).max()) > STILL * size for sample in samples)


def cache_files(out: Path, names: Iterable[str]) -> list[Path]:
    """A file beside the scene for each mesh; where a disk may take two names for the same, with the mesh's number."""
    taken, files = {ALL}, []
    for number, name in enumerate(names):
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
        while safe.casefold() in taken:
            safe = f"{safe}_{number}"
        taken.add(safe.casefold())
        files.append(out.with_name(f"{out.stem}.{safe}.pc2"))
    return files


def _write_cache(file: Path, mesh: Any, piece: Piece, samples: np.ndarray) -> Path:
    """Positions in the mesh's own space."""
    matrix = np.array(mesh.matrix_world, np.float64)
    back = np.linalg.inv(matrix[:3, :3]).T
    write_pc2(file, ((piece.vertices + sample - matrix[:3, 3]) @ back for sample in samples))
    return file
