"""One door to every file that a take can become without Blender."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..take.anew import SKIN_FILE
from ..take.files import TakeReader
from ..take.storage import target_file
from ..template import load_template
from . import arkit_json, livelink
from .mdd import write_mdd
from .meshes import MeshStream, open_meshes
from .npz import export_npz
from .obj import FIRST, sequence_file, write_obj, write_obj_sequence
from .pc2 import write_pc2
from .skin import Tell, skin_picture
from .sources import read_performance
from .suffixes import EXPORTS, refuse_other_suffix
from .target import refuse_source

Report = Callable[[int, int], None]

MESH_FORMATS = ("pc2", "mdd", "obj")
FORMATS = tuple(EXPORTS)


@dataclass(frozen=True)
class ExportOptions:
    """What the user chose; None: what suits the format."""

    space: str | None = None  # "camera" or "head", see meshes.open_meshes
    rate: float | None = None  # frames a second


def export(
    source: str | Path, kind: str, out: str | Path, options: ExportOptions, report: Report, tell: Tell | None = None
) -> list[Path]:
    """Write a take, or for livelink and arkit-json any performance, in one of FORMATS.

    Args:
        source: the take's folder, or a performance's file.
        report: called with samples done and samples in all; what it raises ends the export, and nothing is left.
        tell: hears, in a line, what had to be left out.

    Returns:
        the files, the one that was asked for first.

    Raises:
        UserError: the source is no good, an option or the name does not suit the format, or a file cannot be written.
    """
    out = target_file(out)
    refuse_other_suffix(kind, out)
    for file in (out, *_beside(kind, out)):
        refuse_source(source, file)
    if kind in MESH_FORMATS:
        return _export_meshes(source, kind, out, options, report, tell)
    for name, value in vars(options).items():
        if value is not None:
            raise UserError(f"--{name}: {kind} keeps the take's own times and axes; leave it out")
    if kind == "npz":
        return [export_npz(source, out, report=report)]
    write = livelink.write_livelink if kind == "livelink" else arkit_json.write_arkit_json
    return [write(read_performance(source), out)]


def _beside(kind: str, out: Path) -> list[Path]:
    """Files under other names than the one that was asked for; not the meshes of a sequence, which no take holds."""
    if kind not in MESH_FORMATS:
        return []
    mesh = out if kind == "obj" else _neutral_mesh(out)
    return [mesh, mesh.with_suffix(".mtl"), mesh.with_name(f"{mesh.stem}_skin{Path(SKIN_FILE).suffix}")]


def _neutral_mesh(out: Path) -> Path:
    """The mesh that a cache moves: a cache holds positions only."""
    return out.with_name(f"{out.stem}_neutral.obj")


def _export_meshes(
    source: str | Path, kind: str, out: Path, options: ExportOptions, report: Report, tell: Tell | None
) -> list[Path]:
    reader, template = TakeReader(source), load_template()
    stream = open_meshes(reader, template, options.space or "camera", options.rate)
    picture = skin_picture(reader, template, tell)
    samples = _reported(stream, report)
    if kind == "obj":
        write_obj_sequence(out, stream.surface, samples, stream.neutral, picture)
        return [sequence_file(out, number) for number in (FIRST, FIRST + stream.count - 1)]
    if kind == "pc2":
        write_pc2(out, samples)
    else:
        write_mdd(out, samples, np.arange(stream.count) / stream.rate)
    mesh = _neutral_mesh(out)
    write_obj(mesh, stream.surface, stream.neutral, stream.neutral, picture)
    return [out, mesh]


def _reported(stream: MeshStream, report: Report) -> Iterator[np.ndarray]:
    report(0, stream.count)
    for done, sample in enumerate(stream.samples(), 1):
        yield sample
        report(done, stream.count)
