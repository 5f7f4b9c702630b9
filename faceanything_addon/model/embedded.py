"""The embedded network in ONNX Runtime."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError

EMBEDDED_FILE = Path(__file__).resolve().parent.parent / "data" / "embedded.onnx"
OUTPUTS = (
    "canonical",
    "log_sigma",
    "depth",
    "part",
    "points",
    "point_log_sigma",
    "face",
    "arkit",
    "gaze",
)


@cache
def networks_digest() -> str:
    """Of the networks that ship: what they say of a picture changes with it."""
    digest = hashlib.sha256()
    for file in sorted(EMBEDDED_FILE.parent.glob("*.onnx")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Look:
    """What the network says about one square picture of S x S pixels; h = w = S / 2, all float32."""

    canonical: np.ndarray  # (3, h, w) metres
    log_sigma: np.ndarray  # (h, w) natural logarithm of metres
    depth: np.ndarray  # (h, w) metres along the line of sight to the head, minus its origin's own
    part: np.ndarray  # (7, h, w) probabilities
    points: np.ndarray  # (P, 2) pixels of the square picture, also beyond its border
    point_log_sigma: np.ndarray  # (P,) natural logarithm of those pixels
    face: np.ndarray  # () probability that there is a face
    arkit: np.ndarray  # (52,) 0..1
    gaze: np.ndarray  # (2, 3) unit vectors, axes of a camera turned to the eye, subject's left one first


class EmbeddedNetwork:
    """One ONNX Runtime session, opened at its first use.

    Args:
        path: the network's file.
        threads: of the session; None leaves it to the runtime.
    """

    def __init__(self, path: Path = EMBEDDED_FILE, threads: int | None = None) -> None:
        self.path, self.threads = path, threads
        self._session: Any = None
        self._metadata: dict[str, str] = {}

    @property
    def session(self) -> Any:
        """The runtime's session.

        Raises:
            UserError: the file or the runtime is missing or damaged.
        """
        if self._session is None:
            self._session = open_session(self.path, self.threads)
            self._metadata = dict(self._session.get_modelmeta().custom_metadata_map)
            names = tuple(o.name for o in self._session.get_outputs())
            if names != OUTPUTS or "size" not in self._metadata:
                raise damaged(self.path, "it is of another version")
        return self._session

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says about itself."""
        return self._metadata if self.session else {}

    @property
    def size(self) -> int:
        """Side S of the square picture the network looks at."""
        return int(self.metadata["size"])

    @property
    def points(self) -> int:
        """Number of sparse points."""
        return int(self.metadata["points"])

    def look(self, image: np.ndarray) -> Look:
        """(S, S, 3) RGB uint8 -> Look."""
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
        pixels *= np.float32(1 / 255)
        values = self.session.run(None, {"image": pixels})
        return Look(**{name: value[0] for name, value in zip(OUTPUTS, values, strict=True)})


def damaged(path: Path, reason: object) -> UserError:
    """The error for a network file that cannot be used."""
    line = str(reason).strip().splitlines()[0][:120] if str(reason).strip() else "unknown reason"
    return UserError(f"{path}: the face network cannot be read ({line}); reinstall the extension")


def open_session(path: Path, threads: int | None) -> Any:
    """An ONNX Runtime session on the processor, quiet and repeatable."""
    if not path.is_file():
        raise damaged(path, "the file is missing")
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"onnxruntime: cannot be loaded ({error}); reinstall the extension") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait by spinning would take the cores from the next session: four networks share a frame.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exception classes are not public
        raise damaged(path, error) from error
