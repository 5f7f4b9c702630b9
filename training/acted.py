"""People of the training split who act, rendered and seen by the embedded networks as footage is.

What they teach of how the networks show faces and motions is learned by `likeness.py` and `driving.py`.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceanything_addon.model.embedded import networks_digest
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.reconstruct.evidence import observe
from faceanything_addon.template import Part, Template

from .generator import people, personal
from .generator.acting import acted_motion
from .generator.assets import Assets, load_assets
from .generator.motion import draw_motion
from .generator.sequence import render_sequence, true_identity

FIRST_SEED, FRAMES, RATE, SIZE = 5100, 12, 2.0, 480
YAW = 6.0, 25.0  # degrees of the largest turning
SHARE = 0.3, 0.55  # of the picture's width, of the largest face
OWN_SHAPES = 0.6  # of the people move in shapes of their own: real ones do
PLACES = 8  # on a face at which its movements go farther or less far than the template's, beside those of the mouth
TRUTH = "true_"

Arrays = dict[str, np.ndarray]


def act(assets: Assets, seed: int) -> Arrays:
    """Evidence of one person's frames; under `true_arkit` (F, 52) and `true_identity` (K,) what was acted, and who."""
    rng, names = np.random.default_rng(seed), assets.template.expression_names
    yaw = float(rng.uniform(*YAW))
    draw = acted_motion if rng.random() < 0.6 else draw_motion
    motion = draw(rng, names, FRAMES, RATE, yaw)
    for k in np.flatnonzero(rng.random(FRAMES) < 0.3):
        motion.arkit[k] = people.draw_expression(rng, names, motion.gaze[k])
    share, own = float(rng.uniform(*SHARE)), np.random.default_rng((seed, 2))
    moves = in_own_shapes(assets.template, own) if own.random() < OWN_SHAPES else assets.template
    drawn = replace(assets, template=moves)
    data = render_sequence(drawn, seed, FRAMES, SIZE, motion=motion, share=share)
    tracker = FaceTracker(assets.template, threads=1)
    rows = [observe(tracker.next(image), assets.template) for image in data["image"]]
    truth = {f"{TRUTH}arkit": data["arkit"], f"{TRUTH}identity": true_identity(assets, seed)}
    return truth | {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def in_own_shapes(template: Template, rng: np.random.Generator) -> Template:
    """The template of somebody who moves in shapes of their own; lids and the jaw go as everybody's do."""
    skin = np.flatnonzero((template.part == Part.SKIN) & (template.regions["face"] > 0.5))
    field = personal.movement_field(rng, template)
    field += personal.field_about(rng, template, template.vertices[rng.choice(skin, PLACES)])
    own = [not name.startswith("eye") and name not in personal.JAW for name in template.expression_names]
    expressions = template.expressions.copy()
    expressions[own] *= 1 + personal.bounded(field, template)
    return replace(template, expressions=expressions)


def seen(face_data: Path | None, work: Path, count: int) -> Iterator[tuple[Arrays, Arrays]]:
    """Evidence and truth ({"arkit", "identity"}) of each person; kept in the folder, made once for given networks."""
    work.mkdir(parents=True, exist_ok=True)
    assets, networks = None, networks_digest()
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        file = work / f"{seed}-{networks}.npz"
        if not file.exists():
            assets = assets or load_assets(face_data)
            np.savez_compressed(file, **act(assets, seed))
        with np.load(file) as data:
            yield parted({key: data[key] for key in data.files})


def parted(data: Arrays) -> tuple[Arrays, Arrays]:
    """Evidence, and truth by its own names."""
    truth = {key.removeprefix(TRUTH): value for key, value in data.items() if key.startswith(TRUTH)}
    return {key: value for key, value in data.items() if not key.startswith(TRUTH)}, truth


def found_frames(evidence: Arrays) -> Arrays:
    """The evidence of frames with a face."""
    found = evidence["found"].astype(bool)
    return {key: value[found] for key, value in evidence.items()}


def arguments(program: str, text: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m training.{program}", description=text)
    parser.add_argument("--face-data", type=Path, default=os.environ.get("FACE_DATA"))
    parser.add_argument("--work", type=Path, required=True, help="folder for what the networks saw; made once")
    parser.add_argument("--people", type=int, default=240)
    return parser.parse_args()
