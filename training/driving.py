"""How the embedded networks show motions: writes crosstalk.npy and amplitude.json of faceanything_addon/data.

People of the training split act, are seen and fitted. The rule is learned that takes from each coefficient what others
give to it, then how much smaller motions are shown than they are. To be done again when a network has changed, after
`training.likeness` and with the same folder:

python -m training.driving --face-data PATH --work FOLDER --people 320
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np

from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.driving import AMPLITUDE, CROSSTALK, amplified, stem_of, unmixed
from faceanything_addon.reconstruct.frames import fit_motion
from faceanything_addon.reconstruct.guesses import embedded_guesses
from faceanything_addon.reconstruct.likeness import as_unlike, embedded_likeness
from faceanything_addon.template import load_template

from .acted import SIZE, Arrays, arguments, found_frames, seen

STRONG = 0.08  # standard deviation of a true curve that counts as motion
MIN_PEOPLE = 10
CANDIDATES = np.arange(1.0, 3.01, 0.05)
DOUBT = 3.0  # frames' worth of a full motion for which the rule rather leaves coefficients as they are
FOLDS = 8  # groups of people of which each is judged by what the others teach
FALSE, NONE = 0.1, 0.02  # a coefficient above the one where truth is below the other is a false one
# Closures have a rule of their own, the gaze comes from the eyeballs, and what moves by the jaw keeps the lips' gap.
NOT_AMPLIFIED = ("eyeBlink", "eyeLook", "jaw", "mouthClose", "tongueOut")
# Lids stay as far apart as they were seen.
NOT_UNMIXED = ("eye", "jaw", "mouthClose", "tongueOut")

Pairs = list[tuple[np.ndarray, np.ndarray]]


def fitted(evidence: Arrays) -> np.ndarray:
    """(N, 52) coefficients as they are fitted in the frames with a face."""
    template, found = load_template(), found_frames(evidence)
    guesses = embedded_guesses(template.expression_names)
    actor = as_unlike(fit_actor(found, template, SIZE, SIZE, None), template, embedded_likeness(len(template.identity)))
    return fit_motion(iter([found]), actor, template, SIZE, SIZE, len(found["found"]), guesses).coefficients


def swapped(names: tuple[str, ...]) -> list[int]:
    """Where the other side of each movement stands."""
    other = {"Left": "Right", "Right": "Left"}
    ends = {name: next((end for end in other if name.endswith(end)), "") for name in names}
    return [names.index(name.removesuffix(end) + other.get(end, "")) for name, end in ends.items()]


def crosstalk(pairs: Pairs, names: tuple[str, ...]) -> np.ndarray:
    """(52, 52) of `Driving`: ridge regression of what fitted coefficients lack, the same for both sides of a face.

    Where the eyes look tells nothing of the rest.
    """
    fit, truth = (np.concatenate([pair[k] for pair in pairs]).astype(np.float64) for k in (0, 1))
    mirror = swapped(names)
    lack = np.concatenate([truth - fit, (truth - fit)[:, mirror]])
    fit = np.concatenate([fit, fit[:, mirror]])
    rows = [k for k, name in enumerate(names) if not name.startswith("eyeLook")]
    columns = [k for k, name in enumerate(names) if not name.startswith(NOT_UNMIXED)]
    known = fit[:, rows]
    rule = np.linalg.solve(known.T @ known + 2 * DOUBT * np.eye(len(rows)), known.T @ lack[:, columns])
    out = np.zeros((len(names), len(names)))
    out[np.ix_(rows, columns)] = rule
    return out


def amplitudes(pairs: Pairs, names: tuple[str, ...]) -> dict[str, float]:
    """The amplitude that brings the fitted curves nearest to the true ones, for each movement.

    Each person's mean is taken out of both: a face that is wrongly seen to be raised a little all the time must not
    make its movements look larger than they are.
    """
    own: dict[str, Pairs] = {}
    for fit, truth in pairs:
        for k, name in enumerate(names):
            if not name.startswith(NOT_AMPLIFIED) and truth[:, k].std() > STRONG:
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


def judged(pairs: Pairs, names: tuple[str, ...]) -> str:
    """What the rule of the other people makes of each one's coefficients: error, and how many of none are seen."""
    told: Pairs = []
    for k in range(FOLDS):
        rule = crosstalk([pair for n, pair in enumerate(pairs) if n % FOLDS != k], names)
        told += [(unmixed(fit, rule), truth) for fit, truth in pairs[k::FOLDS]]
    columns = [k for k, name in enumerate(names) if not name.startswith(NOT_UNMIXED)]
    lines = []
    for name, kind in (("as fitted", pairs), ("by the rule", told)):
        fit, truth = (np.concatenate([pair[k] for pair in kind])[:, columns] for k in (0, 1))
        share = 100 * (fit[truth < NONE] > FALSE).mean()
        lines.append(f"{name}: RMS {np.sqrt(((fit - truth) ** 2).mean()):.3f}, {share:.0f} % of those that are none")
    return "\n".join(lines)


def main() -> None:
    options = arguments("driving", __doc__)
    names = load_template().expression_names
    pairs = []
    for evidence, truth in seen(options.face_data, options.work, options.people):
        pairs.append((fitted(evidence), truth["arkit"][evidence["found"].astype(bool)]))
    rule = crosstalk(pairs, names).astype(np.float16)
    np.save(CROSSTALK, rule)
    table = amplitudes([(unmixed(fit, rule), truth) for fit, truth in pairs], names)
    AMPLITUDE.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    print(judged(pairs, names), json.dumps(table, indent=1), sep="\n")


if __name__ == "__main__":
    main()
