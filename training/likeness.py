"""How much more alike than they are faces come out of the fit: writes faceanything_addon/data/likeness.npy.

People of the training split act; they are rendered, seen by the embedded networks and fitted as footage is, and the
rule is learned that leads from the identities that were fitted to the true ones. To be done again when a network has
changed that looks at whole faces:

python -m training.likeness --face-data PATH --work FOLDER --people 120
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.likeness import FILE
from faceanything_addon.template import load_template

from . import amplitude
from .amplitude import SIZE, networks_digest
from .generator.assets import Assets, load_assets
from .generator.sequence import true_identity

FIRST_SEED, FRAMES = 5100, 12
GROWTH = 1.25  # what is learned is how far identities are from this many times those that were fitted
DOUBT = 60.0  # people's worth of that first guess
FOLDS = 10  # groups of people of which each is judged by what the others teach


def act(assets: Assets, seed: int) -> dict[str, np.ndarray]:
    """Evidence of one person's frames, and the person's identity."""
    evidence = amplitude.act(assets, seed, FRAMES, most_yaw=25.0, most_share=0.55)
    return evidence | {"truth": true_identity(assets, seed)}


def fitted(evidence: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(K,) the identity that is fitted, and the true one."""
    truth, found = evidence.pop("truth"), evidence["found"].astype(bool)
    return fit_actor({k: v[found] for k, v in evidence.items()}, load_template(), SIZE, SIZE, None).identity, truth


def learned(fits: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """(N, K) both -> (K, K) the rule, drawn to `GROWTH` where people tell little."""
    modes = np.eye(fits.shape[1])
    off = np.linalg.solve(fits.T @ fits + DOUBT * modes, fits.T @ (truths - GROWTH * fits))
    return GROWTH * modes + off


def judged(fits: np.ndarray, truths: np.ndarray, modes: np.ndarray) -> tuple[float, float]:
    """Millimetres from the true face, on average: as fitted, and by the rule that the other people teach.

    Args:
        modes: (K, V, 3) metres.
    """
    group, told = np.arange(len(fits)) % FOLDS, np.zeros_like(truths)
    for k in range(FOLDS):
        told[group == k] = fits[group == k] @ learned(fits[group != k], truths[group != k])
    errors = [np.linalg.norm(np.tensordot(guess - truths, modes, axes=1), axis=2).mean() for guess in (fits, told)]
    return 1000 * errors[0], 1000 * errors[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.likeness", description=__doc__)
    parser.add_argument("--face-data", type=Path, default=os.environ.get("FACE_DATA"))
    parser.add_argument("--work", type=Path, required=True, help="folder for what the network saw; made once")
    parser.add_argument("--people", type=int, default=120)
    parsed = parser.parse_args()
    parsed.work.mkdir(parents=True, exist_ok=True)
    assets, pairs, networks = load_assets(parsed.face_data), [], networks_digest()
    for seed in range(FIRST_SEED, FIRST_SEED + parsed.people):
        file = parsed.work / f"{seed}-{networks}.npz"
        if not file.exists():
            np.savez_compressed(file, **act(assets, seed))
        with np.load(file) as data:
            pairs.append(fitted({k: data[k] for k in data.files}))
    fits, truths = (np.array(column) for column in zip(*pairs, strict=True))
    np.save(FILE, learned(fits, truths).astype(np.float16))
    before, after = judged(fits, truths, load_template().identity[:, assets.face])
    print(f"{len(fits)} people: {before:.3f} mm from the true face as fitted, {after:.3f} by the rule")


if __name__ == "__main__":
    main()
