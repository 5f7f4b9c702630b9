"""How much more alike than they are faces come out of the fit: writes faceanything_addon/data/likeness.npy.

The rule is learned that leads from the identities that were fitted to the true ones. To be done again when a network
has changed that looks at whole faces, before `training.driving`:

python -m training.likeness --face-data PATH --work FOLDER --people 480
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.likeness import FILE
from faceanything_addon.template import load_template

from .acted import SIZE, Arrays, arguments, found_frames, seen
from .generator.assets import load_assets

GROWTH = 1.25  # what is learned is how far identities are from this many times those that were fitted
DOUBT = 60.0  # people's worth of that first guess
FOLDS = 10  # groups of people of which each is judged by what the others teach


def fitted(evidence: Arrays) -> np.ndarray:
    """(K,) the identity."""
    return fit_actor(found_frames(evidence), load_template(), SIZE, SIZE, None).identity


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
    options = arguments("likeness", __doc__)
    pairs = [(fitted(e), truth["identity"]) for e, truth in seen(options.face_data, options.work, options.people)]
    fits, truths = (np.array(column) for column in zip(*pairs, strict=True))
    np.save(FILE, learned(fits, truths).astype(np.float16))
    face = load_assets(options.face_data).face
    before, after = judged(fits, truths, load_template().identity[:, face])
    print(f"{len(fits)} people: {before:.3f} mm from the true face as fitted, {after:.3f} by the rule")


if __name__ == "__main__":
    main()
