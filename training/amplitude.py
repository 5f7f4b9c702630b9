"""How much smaller than it is the embedded network shows each motion: writes faceanything_addon/data/amplitude.json.

People of the training split act; they are rendered, seen by the network and fitted as footage is. To be done again
when the network has changed:

python -m training.amplitude --face-data PATH --work FOLDER --people 48
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.amplitude import amplified, stem_of
from faceanything_addon.reconstruct.evidence import observe
from faceanything_addon.reconstruct.frames import fit_motion
from faceanything_addon.reconstruct.likeness import as_unlike, embedded_likeness
from faceanything_addon.template import load_template
from faceanything_addon.template.names import DATA

from .generator import people
from .generator.acting import acted_motion
from .generator.assets import Assets, load_assets
from .generator.motion import draw_motion
from .generator.sequence import render_sequence

FIRST_SEED, FRAMES, RATE, SIZE = 5000, 24, 2.0, 480
STRONG = 0.08  # standard deviation of a true curve that counts as motion
MIN_PEOPLE = 10
CANDIDATES = np.arange(1.0, 3.01, 0.05)
# Closures have a rule of their own, the gaze comes from the eyeballs, and what moves by the jaw keeps the lips' gap.
LEFT_OUT = ("eyeBlink", "eyeLook", "jaw", "mouthClose", "tongueOut")


def act(
    assets: Assets, seed: int, frames: int = FRAMES, most_yaw: float = 20.0, most_share: float = 0.5
) -> dict[str, np.ndarray]:
    """Evidence of one person's frames, and the true coefficients.

    Args:
        most_yaw: degrees of the largest turning. most_share: of the picture's width, of the largest face.
    """
    rng, template = np.random.default_rng(seed), assets.template
    names, yaw = template.expression_names, float(rng.uniform(6, most_yaw))
    draw = acted_motion if rng.random() < 0.6 else draw_motion
    motion = draw(rng, names, frames, RATE, yaw)
    for k in np.flatnonzero(rng.random(frames) < 0.3):
        motion.arkit[k] = people.draw_expression(rng, names, motion.gaze[k])
    data = render_sequence(assets, seed, frames, SIZE, motion=motion, share=float(rng.uniform(0.3, most_share)))
    tracker = FaceTracker(template, threads=1)
    rows = [observe(tracker.next(image), template) for image in data["image"]]
    return {"truth": data["arkit"]} | {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def fitted(evidence: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients as they are fitted and as they are, (N, 52) both, of the frames with a face."""
    template, truth = load_template(), evidence.pop("truth")
    found = evidence["found"].astype(bool)
    actor = fit_actor({k: v[found] for k, v in evidence.items()}, template, SIZE, SIZE, None)
    actor = as_unlike(actor, template, embedded_likeness())
    motion = fit_motion(iter([evidence]), actor, template, SIZE, SIZE, len(found))
    return motion.coefficients[found], truth[found]


def amplitudes(pairs: list[tuple[np.ndarray, np.ndarray]], names: tuple[str, ...]) -> dict[str, float]:
    """The amplitude that brings the fitted curves nearest to the true ones, for each movement.

    Each person's mean is taken out of both: a face that is wrongly seen to be raised a little all the time must not
    make its movements look larger than they are.
    """
    own: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for fit, truth in pairs:
        for k, name in enumerate(names):
            if not name.startswith(LEFT_OUT) and truth[:, k].std() > STRONG:
                own.setdefault(stem_of(name), []).append((fit[:, k], truth[:, k]))
    out = {}
    for stem, curves in own.items():
        if len(curves) >= MIN_PEOPLE:
            errors = [sum(off_curve(amplified(fit, g), truth) for fit, truth in curves) for g in CANDIDATES]
            out[stem] = round(float(CANDIDATES[int(np.argmin(errors))]), 2)
    return out


def off_curve(own: np.ndarray, truth: np.ndarray) -> float:
    """Squared error of one person's curve (N,) about its mean."""
    return float(((own - own.mean() - truth + truth.mean()) ** 2).sum())


def networks_digest() -> str:
    """What the networks that ship say changes with it."""
    digest = hashlib.sha256()
    for file in sorted(DATA.glob("*.onnx")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.amplitude", description=__doc__)
    parser.add_argument("--face-data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder for what the network saw; made once")
    parser.add_argument("--people", type=int, default=48)
    parsed = parser.parse_args()
    parsed.work.mkdir(parents=True, exist_ok=True)
    assets, pairs, networks = None, [], networks_digest()
    for seed in range(FIRST_SEED, FIRST_SEED + parsed.people):
        file = parsed.work / f"{seed}-{networks}.npz"
        if not file.exists():
            assets = assets or load_assets(parsed.face_data)
            np.savez_compressed(file, **act(assets, seed))
        with np.load(file) as data:
            pairs.append(fitted({k: data[k] for k in data.files}))
    table = amplitudes(pairs, load_template().expression_names)
    (DATA / "amplitude.json").write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
