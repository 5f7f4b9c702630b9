"""A video of the mesh over its plate, drawn without Blender: numpy and OpenCV only."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..take.storage import target_file, workshop
from ..take.take import Take, camera_vertices, project
from ..template import Part, Template
from .surface import load_look
from .target import refuse_footage

Report = Callable[[int, int], None]

COLORS = {  # RGB
    Part.SKIN: (120, 196, 235),
    Part.EYE_LEFT: (245, 245, 245),
    Part.EYE_RIGHT: (245, 245, 245),
    Part.TEETH: (240, 232, 200),
    Part.TONGUE: (220, 110, 120),
    Part.MOUTH: (120, 50, 60),
}
IRIS = (40, 90, 60)
PUPIL = (10, 10, 10)
LIGHT = np.array([0.3, -0.5, -0.81])  # towards the light, camera axes: from above, beside the camera
BEHIND = 0.0015  # metres by which eyeballs are drawn earlier: the lids lie so close that middles of quads do not tell
TIME_BASE = Fraction(1, 90000)
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")  # of files that hold H.264 with its times: AVI holds none


@dataclass(frozen=True)
class PreviewStyle:
    """How the mesh is drawn."""

    opacity: float = 0.65
    wire: float = 0.35  # strength of the quads' edges
    size: int = 720  # pixels of the picture's longer side, at most
    side_by_side: bool = False  # plate on the left, mesh over plate on the right


class MeshPainter:
    """Draws one take's mesh, far quads first."""

    def __init__(self, template: Template, neutral: np.ndarray, style: PreviewStyle) -> None:
        """neutral: (V, 3) head space, from which the irises are told."""
        self.style = style
        shown = ~(template.regions["shoulders"][template.quads] > 0.5).any(axis=1)  # they do not turn with the head
        self.quads = template.quads[shown]
        self.colors = _quad_colors(template, neutral)[shown]
        eyes = np.isin(template.part, (Part.EYE_LEFT, Part.EYE_RIGHT))[self.quads].all(axis=1)
        self.behind = np.where(eyes, BEHIND, 0.0)

    def paint(self, image: np.ndarray, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Lay the mesh over a picture.

        Args:
            image: (H, W, 3) u1 RGB; not changed.
            points: (V, 3) camera space. pixels: (V, 2) of this image.
        """
        import cv2

        order, shade = self._visible(points, pixels, image.shape)
        colors = np.clip(self.colors[order] * shade[:, None], 0, 255).tolist()
        edges = np.clip(self.colors[order] * shade[:, None] * (1 - self.style.wire), 0, 255).tolist()
        corners = np.round(pixels[self.quads[order]] * 16).astype(np.int32)
        canvas = image.copy()
        smooth = {"lineType": cv2.LINE_AA, "shift": 4}
        for corner, color, edge in zip(corners, colors, edges, strict=True):
            cv2.fillConvexPoly(canvas, corner, color, shift=4)
            cv2.polylines(canvas, [corner], True, edge, 1, **smooth)
        return cv2.addWeighted(canvas, self.style.opacity, image, 1 - self.style.opacity, 0)

    def _visible(self, points: np.ndarray, pixels: np.ndarray, shape: tuple) -> tuple[np.ndarray, np.ndarray]:
        """Quads that face the camera and touch the picture, far ones first, and their brightness."""
        corners = points[self.quads]
        normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        center = corners.mean(axis=1)
        facing = np.einsum("qi,qi->q", normal, center) < 0
        flat = pixels[self.quads]
        inside = (flat.max(axis=1) > 0).all(axis=1) & (flat.min(axis=1) < [shape[1], shape[0]]).all(axis=1)
        chosen = np.flatnonzero(facing & inside & (corners[..., 2].min(axis=1) > 0.01))
        chosen = chosen[np.argsort(-(center[:, 2] + self.behind)[chosen])]
        lambert = np.clip(normal[chosen] @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
        return chosen, 0.35 + 0.75 * lambert


def _quad_colors(template: Template, neutral: np.ndarray) -> np.ndarray:
    """(Q, 3) RGB by part, with iris and pupil where the neutral eyeball looks ahead."""
    part = template.part[template.quads].max(axis=1)
    table = np.zeros((len(Part), 3))
    for key, color in COLORS.items():
        table[key] = color
    colors, look = table[part], load_look()
    for eye in (Part.EYE_LEFT, Part.EYE_RIGHT):
        ball = neutral[template.part == eye]
        if not len(ball):
            continue
        out = neutral[template.quads].mean(axis=1) - (ball.max(axis=0) + ball.min(axis=0)) / 2
        cosine = out[:, 2] / np.maximum(np.linalg.norm(out, axis=1), 1e-9)
        colors[(part == eye) & (cosine > look.iris_cosine)] = IRIS
        colors[(part == eye) & (cosine > look.pupil_cosine)] = PUPIL
    return colors


def preview_frames(take: Take, template: Template, style: PreviewStyle) -> Iterator[tuple[np.ndarray, float]]:
    """Pictures (H, W, 3) u1 RGB with even sides, and their times in seconds.

    Raises:
        UserError: the footage is missing or unreadable.
    """
    from ..footage import open_footage

    info, frames = take.info, take.frames
    painter = MeshPainter(template, take.actor.neutral, style)
    footage = open_footage(info.footage, info.start, info.end, info.fps)
    for frame in footage.frames():
        number = int(np.argmin(np.abs(frames.time - frame.time)))
        one = frames[number : number + 1]
        points = camera_vertices(one)
        picture, scale = _shrunk(frame.image, style.size)
        pixels = (project(points, one.intrinsics)[0] + 0.5) * scale - 0.5
        painted = painter.paint(picture, points[0], pixels) if one.found[0] else picture
        yield (np.hstack([picture, painted]) if style.side_by_side else painted), frame.time


def _shrunk(image: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture with even sides, the longer one at most `size`, and its scale in x and y."""
    import cv2

    height, width = image.shape[:2]
    factor = min(1.0, size / max(height, width))
    small = [max(2, round(side * factor / 2) * 2) for side in (width, height)]
    return cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.array(small) / [width, height]


def checked_suffix(file: Path) -> None:
    """Raises UserError: the name is none of a video that can be written."""
    if file.suffix.lower() not in SUFFIXES:
        known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise UserError(f"{file}: cannot hold a preview; give a name that ends with {known}")


def write_preview(
    take: Take,
    template: Template,
    file: Path,
    style: PreviewStyle | None = None,
    report: Report | None = None,
) -> int:
    """Write an H.264 video with the footage's own time stamps. The file is whole or absent.

    Args:
        file: the video, usually .mp4; see SUFFIXES.
        report: called with frames done and frames in all; what it raises ends the video, and nothing is left.

    Returns:
        the number of frames.

    Raises:
        UserError: the footage cannot be read, the video not written, or it would replace the footage.
    """
    from av.error import FFmpegError

    checked_suffix(file)
    file = target_file(file)
    refuse_footage(take.info.footage, file)
    try:
        with workshop(file) as folder:
            count = _write(folder / file.name, take, preview_frames(take, template, style or PreviewStyle()), report)
            (folder / file.name).replace(file)
    except (OSError, FFmpegError) as error:
        raise UserError(f"{file}: the preview cannot be written ({error}); choose another file") from error
    return count


def _write(file: Path, take: Take, frames: Iterator[tuple[np.ndarray, float]], report: Report | None) -> int:
    """The number of frames."""
    import av

    count, zero, stream = 0, 0.0, None
    with av.open(str(file), "w") as container:
        for picture, time in frames:
            if stream is None:
                stream, zero = _stream(container, picture, take.info.fps), time
            _encode(container, stream, picture, time - zero)
            count += 1
            if report:
                report(count, take.info.end - take.info.start)
        if stream is not None:
            container.mux(stream.encode())
    return count


def _stream(container: Any, picture: np.ndarray, fps: float) -> Any:
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(100000))
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": "18", "preset": "veryfast"}
    stream.codec_context.time_base = TIME_BASE
    return stream


def _encode(container: Any, stream: Any, picture: np.ndarray, time: float) -> None:
    import av

    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.time_base, frame.pts = TIME_BASE, round(time / TIME_BASE)
    container.mux(stream.encode(frame))
