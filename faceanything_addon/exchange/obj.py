"""Wavefront OBJ: one mesh, or one a frame, with UVs, plain materials and the skin's picture."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..take.storage import workshop, write_errors
from .surface import Surface, load_look, quad_materials

FIRST = 1  # number of the first file
DIGITS = 4


def write_obj(file: Path, surface: Surface, vertices: np.ndarray, neutral: np.ndarray, picture: Path | None) -> None:
    """Write one mesh and its materials (.mtl) beside it. vertices, neutral: (N, 3)

    Raises:
        UserError: they cannot be written.
    """
    with write_errors(file), workshop(file) as folder:
        _write_materials(folder, file.stem, picture)
        head, tail = _text_around(surface, neutral, file.stem)
        (folder / file.name).write_text(head + _vertex_lines(vertices) + tail, "utf-8")
        _move(folder, file.parent)


def write_obj_sequence(
    file: Path, surface: Surface, samples: Iterable[np.ndarray], neutral: np.ndarray, picture: Path | None
) -> int:
    """Write NAME.0001.obj and following with one NAME.mtl; all are there in the end, or none.

    Args:
        file: FOLDER/NAME.obj.
        samples: (N, 3) each. neutral: (N, 3) head space.
        picture: of the skin on the UVs; copied.

    Returns:
        the number of files.

    Raises:
        UserError: they cannot be written, or would mix with those of a longer sequence.
    """
    count = 0
    with write_errors(file), workshop(file) as folder:
        _write_materials(folder, file.stem, picture)
        head, tail = _text_around(surface, neutral, file.stem)
        for sample in samples:
            name = sequence_file(file, FIRST + count).name
            (folder / name).write_text(head + _vertex_lines(sample) + tail, "utf-8")
            count += 1
        _refuse_leftovers(file, count)
        _move(folder, file.parent)
    return count


def sequence_file(file: Path, number: int) -> Path:
    """FOLDER/NAME.obj -> FOLDER/NAME.0001.obj"""
    return file.with_name(f"{file.stem}.{number:0{DIGITS}d}{file.suffix}")


def _refuse_leftovers(file: Path, count: int) -> None:
    left = [number for number in _numbers_there(file) if number >= FIRST + count]
    if left:
        first = sequence_file(file, min(left))
        raise UserError(f"{first}: is left of a longer sequence; remove that or give another name")


def _numbers_there(file: Path) -> list[int]:
    """Of the files of such a sequence that are on the disk, whichever of them are missing."""
    form = re.compile(rf"{re.escape(file.stem)}\.(\d{{{DIGITS},}}){re.escape(file.suffix)}", re.ASCII | re.IGNORECASE)
    found = map(form.fullmatch, (inside.name for inside in file.parent.iterdir()))
    numbers = [int(match[1]) for match in found if match]
    return [number for number in numbers if sequence_file(file, number).exists()]


def _move(folder: Path, target: Path) -> None:
    for file in sorted(folder.iterdir()):
        file.replace(target / file.name)


def _write_materials(folder: Path, name: str, picture: Path | None) -> None:
    lines = []
    for material, color in load_look().colors.items():
        lines += [f"newmtl {material}", "Kd {:.4f} {:.4f} {:.4f}".format(*color), "illum 1"]
        if material == "skin" and picture is not None:
            lines[-2] = "Kd 1.0000 1.0000 1.0000"
            copy = f"{name}_skin{picture.suffix}"
            lines.append(f"map_Kd {copy}")
            shutil.copyfile(picture, folder / copy)
    (folder / f"{name}.mtl").write_text("\n".join(lines) + "\n", "utf-8")


def _text_around(surface: Surface, neutral: np.ndarray, name: str) -> tuple[str, str]:
    """What stands before and after the vertices: it is the same in every frame."""
    numbers, names = quad_materials(surface, neutral), list(load_look().colors)
    lines = ["vt {:.6f} {:.6f}".format(*uv) for uv in surface.uvs]
    lines.append("s 1")  # smooth shading
    corners = np.stack([surface.quads, surface.uv_quads], axis=-1) + 1
    for number in np.unique(numbers):
        lines.append(f"usemtl {names[number]}")
        for quad in corners[numbers == number]:
            lines.append("f " + " ".join(f"{vertex}/{uv}" for vertex, uv in quad))
    return f"mtllib {name}.mtl\no {name}\n", "\n".join(lines) + "\n"


def _vertex_lines(vertices: np.ndarray) -> str:
    return ("v %.6f %.6f %.6f\n" * len(vertices)) % tuple(vertices.ravel().tolist())
