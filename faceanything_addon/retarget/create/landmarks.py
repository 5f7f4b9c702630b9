"""Places of the face that the user gives, by name or iBUG number."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...take.storage import parse_json
from ...template import Template
from .find import Found, Pairs
from .mesh import Body
from .parts import sort_parts
from .similarity import fit_similarity

NAMES_FILE = Path(__file__).resolve().parents[2] / "data" / "landmarks.json"
LEAST = 6
WEIGHT = 3e3  # of one landmark, pixels' worth
OWN_GROUP = 1000  # groups from here on hold one landmark each
AGREE = 0.03, 0.9  # metres; cosine: how far a recognised face may be from the one that the landmarks tell


@dataclass(frozen=True)
class Landmarks:
    """iBUG number -> place in the character's space."""

    index: np.ndarray  # (L,)
    points: np.ndarray  # (L, 3)


@dataclass(frozen=True)
class Guess(Found):
    """What landmarks alone tell."""

    def agrees(self, found: Found) -> bool:
        """The face recognised is the one the landmarks mean."""
        shift = np.linalg.norm(self.placing.undo(found.placing.shift[None]))
        turn = (np.trace(self.placing.rotation.T @ found.placing.rotation) - 1) / 2
        return bool(shift < AGREE[0] and turn > AGREE[1])


@lru_cache(maxsize=1)
def landmark_names() -> dict[str, int]:
    """Names that users may give, and their iBUG numbers."""
    return json.loads(NAMES_FILE.read_text("utf-8"))


def landmarks_from(places: Mapping[str, object], source: str) -> Landmarks:
    """Landmarks from places by name or number.

    Args:
        places: name or "0".."67" -> three numbers.
        source: whom to name in errors.

    Raises:
        UserError: an unknown name, a place that is not three numbers, or too few of them.
    """
    index, points = [], []
    for name, place in places.items():
        number = landmark_names().get(name, int(name) if name.isdecimal() else -1)
        if not 0 <= number < 68:
            raise UserError(f"{source}: {name!r} is no landmark; use {', '.join(landmark_names())}, or 0 to 67")
        try:
            point = np.asarray(place, np.float64)
        except (TypeError, ValueError, OverflowError):
            point = np.zeros(0)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise UserError(f"{source}: the place of {name!r} is not three numbers")
        index.append(number)
        points.append(point)
    if len(set(index)) < LEAST:
        raise UserError(f"{source}: {len(set(index))} landmarks are too few; give at least {LEAST}")
    return Landmarks(np.array(index), np.array(points))


def read_landmarks(file: str | Path) -> Landmarks:
    """Landmarks from a JSON file: {"landmarks": {name or number: [x, y, z]}}.

    Raises:
        UserError: the file cannot be read or is no such file.
    """
    file = Path(file).expanduser()
    try:
        data = parse_json(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error}); see docs/make-shapes.md") from error
    places = data.get("landmarks") if isinstance(data, dict) else None
    if not isinstance(places, dict):
        raise UserError(f'{file}: has no "landmarks"; see docs/make-shapes.md')
    return landmarks_from(places, str(file))


def landmark_pairs(template: Template, landmarks: Landmarks) -> Pairs:
    """Landmarks as pairs, each in a group of its own; they lie in no known triangle."""
    count = len(landmarks.index)
    here = template.landmarks(template.vertices.astype(np.float64))[landmarks.index]
    return Pairs(
        triangle=np.zeros(count, int),
        weights=np.zeros((count, 3)),
        there=landmarks.points,
        here=here,
        confidence=np.full(count, WEIGHT),
        part=OWN_GROUP + landmarks.index,
    )


def found_by_landmarks(body: Body, template: Template, landmarks: Landmarks) -> Guess:
    """The face where landmarks say it is."""
    pairs = landmark_pairs(template, landmarks)
    placing = fit_similarity(pairs.here, pairs.there)
    parts = sort_parts(body, template, placing, None)
    none = np.zeros(len(pairs.here), bool)
    return Guess(placing, parts, pairs.chosen(none), 1.0)
