"""The actor's skin from the footage, on the template's UVs. numpy and OpenCV only."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..take.storage import write_atomic
from ..take.take import Frames, Take, camera_vertices, project
from ..template import Part, Template

SIDE_ANGLE = 0.45  # radians of yaw from which a frame shows the cheek better than a frontal one does
FRONT_SHARE = 8.0  # weight of the frontal frame: seams lie on the cheeks, not across the nose
SHARPNESS = 3  # power of the facing ratio
CALM = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "mouthPucker", "mouthFunnel")


@dataclass(frozen=True)
class Texels:
    """The texels that skin covers: N of them."""

    row: np.ndarray  # (N,)
    column: np.ndarray  # (N,)
    corners: np.ndarray  # (N, 3) vertices of the triangle at each texel
    weights: np.ndarray  # (N, 3) barycentric


def lay_out(template: Template, size: int) -> Texels:
    """Which point of the skin each texel of a size x size texture shows. Row 0 is the top, v = 1."""
    import cv2

    inside = (template.part[template.quads] == Part.SKIN).all(axis=1)
    cut = [[0, 1, 2], [0, 2, 3]]
    corners = template.quads[inside][:, cut].reshape(-1, 3)
    uvs = template.uvs[template.uv_quads[inside][:, cut].reshape(-1, 3)].astype(np.float64)
    places = np.stack([uvs[..., 0] * size - 0.5, (1 - uvs[..., 1]) * size - 0.5], axis=-1)
    owner = np.full((size, size), -1, np.int32)
    for number, place in enumerate(np.round(places * 16).astype(np.int32)):
        cv2.fillConvexPoly(owner, place, (number,), shift=4)
    row, column = np.nonzero(owner >= 0)
    number = owner[row, column]
    weights = _barycentric(np.stack([column, row], axis=1), places[number])
    return Texels(row, column, corners[number], weights)


def _barycentric(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(N, 2) in (N, 3, 2) -> (N, 3), clipped to the triangle."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    u, v, p = b - a, c - a, points - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    second = (p[:, 0] * v[:, 1] - p[:, 1] * v[:, 0]) / area
    third = (u[:, 0] * p[:, 1] - u[:, 1] * p[:, 0]) / area
    weights = np.clip(np.stack([1 - second - third, second, third], axis=1), 0, 1)
    return weights / weights.sum(axis=1, keepdims=True)


def choose_frames(frames: Frames, names: tuple[str, ...]) -> list[int]:
    """The calmest frontal frame first, then the best view of either side where the head turns."""
    forward = frames.head_pose[:, :3, 2].astype(np.float64)  # the face's +Z in camera axes; -z looks at the camera
    yaw = np.arctan2(forward[:, 0], -forward[:, 2])
    calm = frames.arkit[:, [names.index(n) for n in CALM if n in names]].sum(axis=1)
    cost = calm + np.where(frames.found, 0.0, 1e3)
    chosen = [int(np.argmin(cost + 4 * np.abs(yaw) + 2 * np.abs(forward[:, 1])))]
    for side in (-1, 1):
        best = int(np.argmin(cost + 4 * np.abs(yaw - side * 0.7)))
        if side * yaw[best] > SIDE_ANGLE and frames.found[best] and best not in chosen:
            chosen.append(best)
    return chosen


def project_texture(take: Take, template: Template, size: int = 1024) -> np.ndarray:
    """(size, size, 3) u1 RGB, row 0 at v = 1: skin seen in the best frames, its surroundings where never seen.

    Raises:
        UserError: the footage is missing, or the take shows no face.
    """
    if not take.frames.found.any():
        raise UserError(f"{take.info.footage}: no frame of the take shows a face; there is no texture to be had")
    texels = lay_out(template, size)
    chosen = choose_frames(take.frames, template.expression_names)
    total, color = np.zeros(len(texels.row)), np.zeros((len(texels.row), 3))
    for number, image in _pictures(take, chosen):
        weight, seen = _look(take.frames[number : number + 1], template, texels, image)
        weight = weight * (FRONT_SHARE if number == chosen[0] else 1.0)
        total += weight
        color += weight[:, None] * seen
    canvas, mask = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    known = total > 0.02
    rows, columns = texels.row[known], texels.column[known]
    canvas[rows, columns] = color[known] / total[known, None]
    mask[rows, columns] = 1
    return np.clip(np.round(fill(canvas, mask)), 0, 255).astype(np.uint8)


def _pictures(take: Take, numbers: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The chosen frames of the take with their pictures."""
    from ..footage import open_footage

    info, times = take.info, take.frames.time
    wanted = sorted(numbers)
    for frame in open_footage(info.footage, info.start, info.end, info.fps).frames():
        if wanted and frame.time >= times[wanted[0]] - 1e-6:
            yield wanted.pop(0), frame.image
        if not wanted:
            return


def _look(one: Frames, template: Template, texels: Texels, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How well one frame shows each texel (N,), and the colours there (N, 3)."""
    vertices = camera_vertices(one)[0]
    normals = vertex_normals(vertices, template.quads)
    points = np.einsum("nk,nkc->nc", texels.weights, vertices[texels.corners])
    normal = np.einsum("nk,nkc->nc", texels.weights, normals[texels.corners])
    view = points / np.linalg.norm(points, axis=1, keepdims=True)
    facing = np.clip(-(normal * view).sum(axis=1), 0, 1)
    seen = (one.visible[0].astype(np.float64)[texels.corners] * texels.weights).sum(axis=1)
    x, y = project(points[None], one.intrinsics)[0].T
    inside = (x > 0) & (y > 0) & (x < image.shape[1] - 1) & (y < image.shape[0] - 1)
    color = _sample(image, x, y)
    return facing**SHARPNESS * (seen > 0.5) * inside, color


def _sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear colours (N, 3) at pixels."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


def vertex_normals(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """(V, 3) -> (V, 3) unit normals, weighted by area; out of the face for counter-clockwise quads."""
    corners = vertices[quads]
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    total = np.zeros((len(vertices), 3))
    for corner in range(4):
        np.add.at(total, quads[:, corner], normal)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def fill(canvas: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Let known colours run smoothly into unknown places, by a pyramid. (H, W, 3), (H, W) of 0 or 1 -> (H, W, 3)"""
    import cv2

    height, width = mask.shape
    if mask.min() > 0 or max(height, width) <= 2:
        mean = canvas[mask > 0].mean(axis=0) if (mask > 0).any() else np.full(3, 128.0)
        return np.where(mask[..., None] > 0, canvas, mean)
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    share = cv2.resize(mask, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(canvas * mask[..., None], half, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(share, 1e-6)[..., None]
    coarse = fill(small.astype(np.float32), (share > 0).astype(np.float32))
    smooth = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(mask[..., None] > 0, canvas, smooth)


def write_texture(take: Take, template: Template, file: Path, size: int = 1024) -> None:
    """Store `project_texture` as a PNG.

    Raises:
        UserError: see project_texture, or the file cannot be written.
    """
    import cv2

    image = project_texture(take, template, size)
    done, data = cv2.imencode(".png", image[..., ::-1])
    assert done
    write_atomic(file, lambda opened: opened.write(data.tobytes()))
