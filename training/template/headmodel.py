"""The source head model (ICT-FaceKit arrays), in centimetres, as the template's making needs it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import numpy as np

CENTER = np.array([0.0, 3.616, 8.441])  # midway between the eyeballs, cm
LANDMARKS = {"nasion": 27, "nose_tip": 30, "subnasale": 33, "lip_top": 51, "lip_bottom": 57, "chin": 8}


class HeadModel:
    """Regions, marks and fields of the source head."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "ict_facekit.npz", allow_pickle=False) as data:
            self.data = {k: data[k] for k in data.files}
        self.vertices = self.data["vertices"].astype(np.float64)
        self.faces = self.data["faces"]
        self.regions = {str(n): r for n, r in zip(self.data["region_names"], self.data["region_ranges"], strict=True)}
        self.mirror = self.data["mirror_index"]
        middle = self.mirror == np.arange(len(self.mirror))
        self.vertices[middle, 0] = 0.0
        self.landmarks = self.data["landmarks68"]

    def faces_of(self, *names: str) -> np.ndarray:
        return np.concatenate([self.faces[self.regions[n][2] : self.regions[n][3]] for n in names])

    def triangles_of(self, *names: str) -> np.ndarray:
        quads = self.faces_of(*names)
        whole = quads[quads[:, 3] >= 0]
        return np.concatenate([quads[:, :3], whole[:, [0, 2, 3]]])

    @property
    def skin_quads(self) -> np.ndarray:
        return self.faces_of("face", "head_neck")

    @property
    def mouth_triangles(self) -> np.ndarray:
        return self.triangles_of("mouth_socket")

    @property
    def socket_triangles(self) -> np.ndarray:
        return self.triangles_of("eye_socket_left")

    def midline_marks(self, rim: np.ndarray) -> dict[str, int]:
        """Vertices on the rim of the left half, by name."""
        v = self.vertices
        middle = rim[v[rim, 0] < 1e-3]
        near = lambda p: int(middle[np.argmin(np.linalg.norm(v[middle][:, 1:] - np.array(p), axis=1))])  # noqa: E731
        marks = {n: near(v[self.landmarks[i], 1:]) for n, i in LANDMARKS.items()}
        low = middle[v[middle, 1] < -12]
        marks["neck_front"] = int(low[np.argmax(v[low, 2] - v[low, 1])])
        marks["neck_back"] = int(low[np.argmin(v[low, 2] + v[low, 1])])
        marks["crown_front"] = near((12.3, 6.5))
        marks["crown_back"] = near((12.3, -5.0))
        lips = rim[(v[rim, 1] > -4.2) & (v[rim, 1] < -2.6) & (v[rim, 2] > 9.5)]
        off = lips[v[lips, 0] > 0.01]
        marks["lip_corner"] = int(off[np.argmax(v[off, 0])])
        at = {int(r): i for i, r in enumerate(rim)}
        first, last = self.path_ends(rim, off, at)
        marks["lip_upper"], marks["lip_lower"] = first, last
        marks["sulcus"] = near((v[marks["lip_bottom"], 1] - 0.75, v[marks["lip_bottom"], 2] - 0.3))
        return marks

    @staticmethod
    def path_ends(rim: np.ndarray, off: np.ndarray, at: dict[int, int]) -> tuple[int, int]:
        """Midline vertices just before and after the lips' stretch of the rim."""
        places = sorted(at[int(o)] for o in off)
        gaps = np.diff([*places, places[0] + len(rim)])
        start = places[(int(np.argmax(gaps)) + 1) % len(places)]
        stop = places[int(np.argmax(gaps))]
        return int(rim[start - 1]), int(rim[(stop + 1) % len(rim)])
