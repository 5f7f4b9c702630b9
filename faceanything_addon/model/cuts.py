"""Cuts of edited footage: the next picture is another one altogether."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

CELLS = 8
CHANGED = 25.0  # of 255: mean change of the cells


class Cuts:
    """Pictures in, one after another.

    Args:
        thumbnail: of the picture before, as `thumbnail` gave it; None before the first.
    """

    def __init__(self, thumbnail: list[list[int]] | None = None) -> None:
        self.thumbnail = thumbnail

    def between(self, image: np.ndarray) -> bool:
        """The picture (H, W, 3) u1 is of another shot than the one before; False for the first."""
        import cv2

        small = np.ascontiguousarray(image[::4, ::4, 1])
        cells = cv2.resize(small, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(int)
        before, self.thumbnail = self.thumbnail, cells.tolist()
        return before is not None and float(np.abs(cells - before).mean()) > CHANGED
