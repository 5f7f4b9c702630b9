"""Contact sheets for the eye: picture with points, canonical coordinates, part, depth."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import cv2
import numpy as np

COLOURS = np.array(
    [(0, 0, 0), (200, 160, 130), (60, 200, 60), (60, 60, 220), (240, 240, 240), (230, 60, 120), (120, 0, 0)], np.uint8
)


def tile(batch: dict[str, np.ndarray], i: int) -> np.ndarray:
    """(S, 5 S, 3) u1 RGB for picture i."""
    image = batch["image"][i]
    s = image.shape[0]
    marked = image.copy()
    if batch["face"][i]:
        for x, y in batch["points"][i]:
            cv2.circle(marked, (int(round(x)), int(round(y))), 1, (0, 255, 0), -1)
    canonical = batch["canonical"][i].astype(np.float32)
    seen = batch["part"][i] > 0
    rgb = np.where(seen[..., None], np.clip(128 + canonical * 1000, 0, 255), 0).astype(np.uint8)
    depth = np.where(seen, np.clip(128 - batch["depth"][i].astype(np.float32) * 900, 1, 255), 0).astype(np.uint8)
    maps = [rgb, COLOURS[batch["part"][i]], np.dstack([depth] * 3)]
    return np.hstack([image, marked] + [cv2.resize(m, (s, s), interpolation=cv2.INTER_NEAREST) for m in maps])


def save_sheet(batch: dict[str, np.ndarray], file: str, columns: int = 2, pictures_only: bool = False) -> None:
    """Write a PNG of all pictures of a batch."""
    n = len(batch["image"])
    tiles = [batch["image"][i] if pictures_only else tile(batch, i) for i in range(n)]
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    cv2.imwrite(file, cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
