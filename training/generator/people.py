"""Random identities, expressions and gaze."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template.shape import EYE_TURN, LID_FOLLOW

# kind: (share, function name); see `expression`.
KINDS = (
    ("neutral", 0.07), ("sparse", 0.15), ("extreme", 0.09), ("speech", 0.23), ("smile", 0.10), ("emotion", 0.10),
    ("bared", 0.09), ("rounded", 0.08), ("pressed", 0.09),
)  # fmt: skip
EMOTIONS = {
    "anger": {"browDown": 1.0, "noseSneer": 0.5, "eyeSquint": 0.5, "mouthPress": 0.6, "jawForward": 0.3},
    "disgust": {"noseSneer": 1.0, "mouthUpperUp": 0.6, "browDown": 0.6, "cheekSquint": 0.5, "eyeSquint": 0.5},
    "surprise": {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.9, "jawOpen": 0.5},
    "sad": {"browInnerUp": 1.0, "mouthFrown": 0.8, "mouthShrugLower": 0.5, "eyeSquint": 0.2},
    "puff": {"cheekPuff": 1.0, "mouthPress": 0.3, "mouthPucker": 0.3},
    "kiss": {"mouthPucker": 1.0},
    "whistle": {"mouthPucker": 0.9, "mouthFunnel": 0.35, "jawOpen": 0.08},
    "roll": {"mouthRollLower": 0.9, "mouthRollUpper": 0.9, "mouthPress": 0.4},
    "shout": {"jawOpen": 1.0, "mouthStretch": 0.6, "mouthLowerDown": 0.6, "mouthUpperUp": 0.5, "browDown": 0.5},
    "grimace": {"mouthStretch": 0.9, "mouthLowerDown": 0.8, "mouthUpperUp": 0.3, "eyeSquint": 0.5},
    "tongue": {"jawOpen": 0.5, "tongueOut": 1.0},
    "chew": {"jawLeft": 0.7, "jawOpen": 0.25, "mouthLeft": 0.4},
    "chew2": {"jawRight": 0.7, "jawOpen": 0.25, "mouthRight": 0.4},
}
SPEECH = (
    ("jawOpen", 0.9, 0.65), ("mouthFunnel", 0.3, 0.9), ("mouthPucker", 0.3, 0.9), ("mouthPress", 0.2, 0.7),
    ("mouthLowerDown", 0.45, 0.7), ("mouthUpperUp", 0.35, 0.6), ("mouthStretch", 0.2, 0.5),
    ("mouthRollLower", 0.2, 0.7), ("mouthRollUpper", 0.15, 0.6), ("mouthShrugLower", 0.2, 0.5),
    ("mouthShrugUpper", 0.15, 0.5), ("mouthSmile", 0.25, 0.5), ("mouthDimple", 0.15, 0.5), ("mouthClose", 0.25, 1.0),
    ("mouthLeft", 0.05, 0.4), ("mouthRight", 0.05, 0.4), ("jawLeft", 0.06, 0.4), ("jawRight", 0.06, 0.4),
    ("jawForward", 0.1, 0.5), ("browInnerUp", 0.2, 0.5), ("browOuterUp", 0.15, 0.5), ("browDown", 0.2, 0.5),
)  # fmt: skip
SIDES = ("Left", "Right")
BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
SHUT = 0.85  # of a blink: eyes that may be pressed shut
MORE = 0.8, 1.35  # how far people's mouths go, times the template's
MEETING = ("mouthClose", "mouthPress", "mouthRoll", "mouthShrug")


class Face:
    """Named access to a row of 52 coefficients."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.index = {n: i for i, n in enumerate(names)}
        self.value = np.zeros(len(names), np.float32)

    def add(self, stem: str, value: float, rng: np.random.Generator, uneven: float = 0.15) -> None:
        """Set a coefficient, or both sides with some asymmetry."""
        if stem in self.index:
            self.value[self.index[stem]] = max(self.value[self.index[stem]], value)
            return
        one_sided = rng.random() < 0.1
        for k, side in enumerate(SIDES):
            v = value * float(np.clip(1 + uneven * rng.normal(), 0, 1.3))
            if one_sided and k == int(rng.random() < 0.5):
                v *= rng.random() * 0.3
            i = self.index[stem + side]
            self.value[i] = max(self.value[i], v)


def draw_identity(rng: np.random.Generator, modes: int) -> np.ndarray:
    """(K,) standard deviations."""
    return np.clip(rng.normal(size=modes) * 1.1, -3, 3).astype(np.float32)


def draw_expression(rng: np.random.Generator, names: tuple[str, ...], gaze: np.ndarray) -> np.ndarray:
    """(52,) coefficients; gaze (2, 2) yaw to the subject's left and pitch up in degrees, left eye first."""
    face = Face(names)
    kind = rng.choice([k for k, _ in KINDS], p=[p for _, p in KINDS])
    {
        "neutral": lambda *_: None,
        "sparse": sparse,
        "extreme": extreme,
        "speech": speech,
        "smile": smile,
        "emotion": emotion,
        "bared": bared,
        "rounded": rounded,
        "pressed": pressed,
    }[kind](face, rng)
    lids(face, rng)
    if rng.random() < 0.3:
        brows(face, rng)
    look(face, gaze)
    return constrain(face)


def as_moved(rng: np.random.Generator, names: tuple[str, ...], arkit: np.ndarray) -> np.ndarray:
    """(52,) how far a face moves that means these coefficients: not every mouth moves as far as the template's.

    Lips that are shut, pressed or rolled in go no farther: they meet each other, or teeth.
    """
    factor = np.ones(len(arkit), np.float32)
    if rng.random() < 0.5:
        moves = [n.startswith(("jaw", "mouth")) and not n.startswith(MEETING) for n in names]
        factor[moves] = rng.uniform(*MORE, sum(moves))
        for left in (i for i, n in enumerate(names) if n.endswith("Left") and moves[i]):
            factor[names.index(names[left].replace("Left", "Right"))] = factor[left]
        factor[names.index("mouthClose")] = factor[names.index("jawOpen")]
    return factor * arkit


def sparse(face: Face, rng: np.random.Generator) -> None:
    """A few coefficients at random."""
    names = [n for n in face.index if not n.startswith(("eyeLook", "eyeBlink")) and n != "mouthClose"]
    for name in rng.choice(names, rng.integers(1, 9), replace=False):
        value = rng.beta(1.2, 1.6)
        face.value[face.index[name]] = value
        other = name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")
        if not name.startswith(("jaw", "mouthLeft", "mouthRight")) and rng.random() < 0.6:
            face.value[face.index[other]] = np.clip(value * rng.normal(1, 0.2), 0, 1)


def extreme(face: Face, rng: np.random.Generator) -> None:
    """One shape at nearly full strength."""
    stems = sorted(
        {n.replace("Left", "").replace("Right", "") for n in face.index if n[:3] != "eye"}
        - {"mouth", "jaw", "mouthClose"}
    )
    stems += [
        "jawLeft",
        "jawRight",
        "mouthLeft",
        "mouthRight",
        "eyeWide",
        "eyeSquint",
        "jawOpen",
        "mouthPucker",
        "tongueOut",
    ]
    face.add(str(rng.choice(stems)), rng.uniform(0.7, 1.05), rng)
    if rng.random() < 0.4:
        face.add("jawOpen", rng.random(), rng)


def speech(face: Face, rng: np.random.Generator) -> None:
    """Mixtures that speech makes."""
    for stem, chance, scale in SPEECH:
        if rng.random() < chance * 0.7:
            face.add(stem, scale * rng.random(), rng)


def bared(face: Face, rng: np.random.Generator) -> None:
    """Lips drawn from the teeth with the jaw nearly shut, as in laughing, snarling, and between words."""
    face.add("mouthUpperUp", rng.uniform(0.1, 0.9), rng, 0.4)
    face.add("mouthLowerDown", rng.uniform(0.1, 0.9), rng, 0.4)
    face.add("jawOpen", 0.15 * rng.random(), rng)
    for stem, scale in (("mouthSmile", 0.9), ("mouthStretch", 0.6), ("noseSneer", 0.8), ("mouthFunnel", 0.3)):
        if rng.random() < 0.4:
            face.add(stem, scale * rng.random(), rng, 0.4)


def rounded(face: Face, rng: np.random.Generator) -> None:
    """Lips pushed forward and shut or nearly so, as in oo, w and a kiss."""
    face.add("mouthPucker", rng.uniform(0.3, 1.0), rng, 0.1)
    for stem, scale in (("mouthFunnel", 0.4), ("mouthShrugLower", 0.6), ("mouthShrugUpper", 0.4), ("mouthPress", 0.4)):
        if rng.random() < 0.4:
            face.add(stem, scale * rng.random(), rng)
    if rng.random() < 0.5:
        face.add("jawOpen", 0.25 * rng.random(), rng)
    if rng.random() < 0.5:
        face.add("mouthClose", rng.random(), rng)


def pressed(face: Face, rng: np.random.Generator) -> None:
    """Lips held shut and thin: a tight smile, doubt, a word held back. An upper lip rolled in alone would open them."""
    rolled = rng.uniform(0.2, 1.0)
    face.add("mouthRollLower", rolled, rng)
    face.add("mouthRollUpper", rolled * rng.choice([0.0, rng.random()]), rng)
    for stem, scale in (("mouthPress", 1.0), ("mouthShrugLower", 1.0), ("mouthShrugUpper", 0.4), ("mouthDimple", 1.0)):
        if rng.random() < 0.6:
            face.add(stem, scale * rng.random(), rng)
    mood = rng.choice(["mouthSmile", "mouthFrown", "mouthStretch", ""], p=[0.5, 0.15, 0.15, 0.2])
    if mood:
        face.add(str(mood), rng.uniform(0.2, 1.0), rng, 0.25)
    if rng.random() < 0.25:
        face.add("jawOpen", 0.25 * rng.random(), rng)
        face.add("mouthClose", 1.0, rng)


def smile(face: Face, rng: np.random.Generator) -> None:
    """From a smirk to a laugh."""
    a = rng.uniform(0.2, 1.1)
    face.add("mouthSmile", a, rng, 0.25)
    face.add("cheekSquint", a * rng.random(), rng)
    face.add("eyeSquint", a * rng.random() * 0.8, rng)
    if rng.random() < 0.6:
        face.add("mouthUpperUp", a * rng.random() * 0.7, rng)
        face.add("mouthLowerDown", a * rng.random() * 0.7, rng)
    if rng.random() < 0.4:
        face.add("jawOpen", rng.random() * 0.8, rng)


def emotion(face: Face, rng: np.random.Generator) -> None:
    """A named mixture at random strength."""
    mixture = EMOTIONS[str(rng.choice(list(EMOTIONS)))]
    strength = rng.uniform(0.3, 1.1)
    for stem, value in mixture.items():
        face.add(stem, value * strength * rng.uniform(0.7, 1.2), rng)


def lids(face: Face, rng: np.random.Generator) -> None:
    """Blinks, half-closed lids, winks, wide eyes, squints."""
    r = rng.random()
    level = 0.0
    if r < 0.16:
        level = rng.uniform(0.92, 1.0)
    elif r < 0.30:
        level = np.clip(rng.normal(0.5, 0.15), 0, 1)
    elif r < 0.45:
        level = rng.random()
    elif r < 0.58:
        level = rng.random() * 0.2
    if level > 0:
        wink = rng.random() < 0.15
        keep = int(rng.random() < 0.5)
        for k, name in enumerate(BLINKS):
            value = rng.random() * 0.25 if wink and k == keep else level + 0.03 * rng.normal()
            face.value[face.index[name]] = np.clip(value, 0, 1)
        if level > SHUT and rng.random() < 0.35:
            squeeze(face, rng, [k for k, name in enumerate(BLINKS) if face.value[face.index[name]] > SHUT])
    elif rng.random() < 0.15:
        face.add("eyeWide", rng.random(), rng)
    if rng.random() < 0.2:
        face.add("eyeSquint", rng.random(), rng)


def squeeze(face: Face, rng: np.random.Generator, sides: list[int]) -> None:
    """Eyes that are pressed shut, as in a wink or a wince: cheeks, squints and brows go along on the same sides."""
    for stem, scale in (("eyeSquint", 1.0), ("cheekSquint", 1.0), ("browDown", 0.8), ("noseSneer", 0.6)):
        value = scale * rng.random()
        for k in sides:
            index = face.index[f"{stem}{SIDES[k]}"]
            face.value[index] = max(face.value[index], value * float(np.clip(1 + 0.15 * rng.normal(), 0, 1.3)))


def brows(face: Face, rng: np.random.Generator) -> None:
    """Brows up or down."""
    if rng.random() < 0.5:
        face.add("browDown", rng.random(), rng)
    else:
        face.add("browInnerUp", rng.random(), rng)
        face.add("browOuterUp", rng.random(), rng, 0.3)


def look(face: Face, gaze: np.ndarray) -> None:
    """eyeLook* coefficients with which the lids follow the gaze (degrees)."""
    for side, (yaw, pitch) in zip(("Left", "Right"), gaze, strict=True):
        out = yaw if side == "Left" else -yaw
        pairs = (("Out", out), ("In", -out), ("Up", pitch), ("Down", -pitch))
        for name, angle in pairs:
            face.value[face.index[f"eyeLook{name}{side}"]] = np.clip(EYE_TURN * angle / LID_FOLLOW[name], 0, 1)


def constrain(face: Face) -> np.ndarray:
    """mouthClose needs an open jaw; clip to 0..1.1."""
    v, i = face.value, face.index
    v[i["mouthClose"]] = min(v[i["mouthClose"]], 1.0) * v[i["jawOpen"]] if v[i["jawOpen"]] > 0.02 else 0.0
    for a, b in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("mouthFunnel", "mouthRollUpper")):
        if v[i[a]] > 0 and v[i[b]] > 0:
            v[i[a]] = max(v[i[a]] - v[i[b]], 0.0)
    for side in ("Left", "Right"):
        v[i["eyeWide" + side]] *= 1 - min(v[i["eyeBlink" + side]] * 1.5, 1)
    v[i["tongueOut"]] *= min(v[i["jawOpen"]] * 2.5, 1.0)
    return np.clip(v, 0, 1)


def draw_gaze(rng: np.random.Generator) -> np.ndarray:
    """(2, 2) degrees: yaw to the subject's left, pitch up; left eye first."""
    wide = rng.random() < 0.4
    yaw = rng.uniform(-36, 36) if wide else rng.normal() * 10
    pitch = rng.uniform(-26, 24) if wide else rng.normal() * 7 - 2
    inward = abs(rng.normal()) * 2.5 + (rng.uniform(4, 18) if rng.random() < 0.05 else 0)
    skew = rng.normal(size=2) * 0.5
    return np.clip([[yaw - inward + skew[0], pitch], [yaw + inward + skew[1], pitch]], -38, 38)


def gaze_directions(gaze: np.ndarray) -> np.ndarray:
    """(2, 2) degrees -> (2, 3) unit directions, head space."""
    yaw, pitch = np.radians(gaze[:, 0]), np.radians(gaze[:, 1])
    return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=1)
