"""Follow one face through a clip with the embedded network."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from ..errors import UserError
from ..template import Part, Template
from .closeup import CloseUp
from .closeup_region import BROWS, MOUTH, RegionCloseUp
from .crop import Crop, apply, cut, tiles, whole_frame
from .cuts import Cuts
from .embedded import EmbeddedNetwork, Look
from .foresight import Foresight
from .framing import affine_camera, camera_scale, crop_from_mask, crop_from_points, head_roll, misplaced
from .maps import FaceMaps

FOUND = 0.4  # least score of a face that is kept
STARTS = 0.5  # least score of a new face
SURE = 0.85  # score of a face that ends the search: they score .9 where they are, up to .8 upside down
TRIES = 4  # candidates of a search that get a closer look
POINT_BLUR = 0.05  # sigma of the points, share of the square, that halves the score
RELOOK = 0.06  # look again when the square would move by this share of its side
LOOKS = 3  # at most, per frame, once there is a square
CENTRED = 2  # looks at a face found anew before it counts
TILE_EVERY = 10  # frames without a face between searches of the tiles; STAYS is a multiple
TURNS = (math.pi / 2, -math.pi / 2, math.pi)  # in which a search looks for heads that lie, or are upside down
TURNED = 0.85  # least score of one that is found so
STAYS = 20  # frames without it for which the face is looked for near its last place only, lest another is taken for it
NEAR = 2.5  # times its square's side: how far around
TILE_SIDES = (0.6, 0.3)  # of the frame's shorter side
TILE_LIMIT = 40  # squares a search may look at
MIN_SIDE = 24.0  # frame pixels; a smaller square shows no face
LEAST_CONTRAST = 1.5  # standard deviation of 8-bit values; an emptier frame is a wall or a fade to black
SIGMA_HALF = 0.012  # metres of canonical sigma at which a pixel's confidence is halved


class Network(Protocol):
    """What the tracker needs of a network."""

    @property
    def size(self) -> int: ...

    @property
    def points(self) -> int: ...

    def look(self, image: np.ndarray) -> Look: ...


class Closer(Protocol):
    """A second, closer look at a part of the face."""

    def better(self, image: np.ndarray, maps: FaceMaps, scale: float, roll: float) -> FaceMaps: ...


def second_looks(template: Template, threads: int | None = None) -> list[Closer]:
    """Those of the extension: eyes, mouth, brows."""
    regions = [RegionCloseUp(region, template, threads) for region in (MOUTH, BROWS)]
    return [CloseUp(template, threads), *regions]


@dataclass(frozen=True)
class Seen:
    """A look at one square."""

    crop: Crop
    look: Look
    camera: np.ndarray  # (2, 4) affine camera of the head into the square's picture
    score: float  # 0..1 that it shows a face, well framed


class FaceTracker:
    """Frames in, FaceMaps out, in order.

    Args:
        template: whose points the network was trained on.
        threads: of the network's runtime.
        network: another one to use, for tests; nothing then gets a second look but by `closeups`.
        closeups: the second looks, one after another.
    """

    def __init__(
        self,
        template: Template,
        threads: int | None = None,
        network: Network | None = None,
        closeups: Sequence[Closer] | None = None,
    ) -> None:
        self.network: Network = network or EmbeddedNetwork(threads=threads)
        if closeups is None:
            closeups = second_looks(template, threads) if network is None else []
        self.closeups = closeups
        self.model = template.vertices[template.points].astype(np.float64)  # (P, 3)
        if self.network.points != len(self.model):
            raise UserError("embedded.onnx: does not fit template.npz; reinstall the extension")
        self.foresight = Foresight(self.see)
        self.crop: Crop | None = None  # of the face, after the last frame
        self.before: Crop | None = None  # and after the one before it
        self.place: Crop | None = None  # where the face was last seen, in this shot
        self.missed = 0  # frames since the face was last seen
        self.cuts = Cuts()

    def state(self) -> dict[str, Any]:
        """All that the next frame depends on, JSON-able; floats survive exactly."""
        crops = {"crop": self.crop, "before": self.before, "place": self.place}
        other = {"missed": self.missed, "thumbnail": self.cuts.thumbnail}
        return {name: asdict(crop) if crop else None for name, crop in crops.items()} | other

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.foresight.forget()
        crops = [Crop(**state[n]) if state.get(n) else None for n in ("crop", "before", "place")]
        self.crop, self.before, self.place = crops
        self.missed, self.cuts = int(state["missed"]), Cuts(state.get("thumbnail"))

    def next(self, image: np.ndarray) -> FaceMaps:
        """(H, W, 3) RGB uint8 -> maps of the tracked face."""
        return self.begin(image)()

    def begin(self, image: np.ndarray) -> Callable[[], FaceMaps]:
        """Find the face; the maps come of a call, which may be made on another thread and beside later frames."""
        blank = float(image[::8, ::8].std()) < LEAST_CONTRAST
        crop = self.first_crop()
        if self.cuts.between(image):
            self.place, self.missed = None, 0  # a new shot gets a whole search at once
        seen = self.settle(image, self.foresight.seen(image, crop)) if crop and not blank else None
        if not blank and (seen is None or seen.score < FOUND):
            near = self.place if self.missed < STAYS else None
            seen = self.centred(image, self.search_near(image, near) if near else self.search(image))
        self.before = self.crop
        if seen is None:
            self.crop, self.missed = None, self.missed + 1
            self.foresight.forget()  # what was begun is in squares that nobody will ask for
            return partial(self.nothing, image)
        self.crop = self.place = self.next_crop(seen)
        self.missed = 0
        return partial(self.near, image, seen)

    def foresee(self, image: np.ndarray) -> None:
        """Begin a first look at the picture after the next one that `begin` gets, on another thread."""
        if self.crop:
            self.foresight.begin(image, self.crop)

    def first_crop(self) -> Crop | None:
        """Where to look first: the square of two frames ago if the face kept still, as `foresee` knew no newer one."""
        still = self.before and self.crop and self.before.differs(self.crop) < RELOOK
        return self.before if still else self.crop

    def near(self, image: np.ndarray, seen: Seen) -> FaceMaps:
        """Maps of a look; eyes, mouth and brows looked at a second time."""
        maps = self.maps(seen)
        scale = camera_scale(seen.camera) * seen.crop.side / self.network.size
        roll = seen.crop.roll + head_roll(seen.camera)
        for closeup in self.closeups:
            maps = closeup.better(image, maps, scale, roll)
        return maps

    def see(self, image: np.ndarray, crop: Crop) -> Seen:
        """One look."""
        look = self.network.look(cut(image, crop, self.network.size))
        camera = affine_camera(self.model, look.points.astype(np.float64), np.exp(look.point_log_sigma))
        return Seen(crop, look, camera, face_score(look, camera, self.network.size))

    def next_crop(self, seen: Seen) -> Crop:
        """The square for the face as seen."""
        points = apply(seen.crop.to_frame(self.network.size), seen.look.points.astype(np.float64))
        return crop_from_points(points, seen.crop.roll + head_roll(seen.camera))

    def follow(self, image: np.ndarray, crop: Crop) -> Seen | None:
        """Look at a square, and on until it is around the face; None when the face leaves the picture."""
        return self.settle(image, self.see(image, crop))

    def settle(self, image: np.ndarray, seen: Seen) -> Seen | None:
        """Look again while the square is off the face."""
        for looks in range(1, LOOKS + 1):
            better = self.next_crop(seen)
            if seen.score < FOUND or seen.crop.differs(better) < RELOOK:
                break
            if not usable(better, image):
                return None
            if looks < LOOKS:
                seen = self.see(image, better)
        return seen

    def centred(self, image: np.ndarray, seen: Seen | None) -> Seen | None:
        """A face found anew, looked at in the square that its points ask for, as in the frames to come.

        In the square of its mask it is seen a little elsewhere: one that does not move would jump at the second frame.
        """
        for _ in range(CENTRED):
            crop = self.next_crop(seen) if seen else None
            again = self.see(image, crop) if crop and usable(crop, image) else None
            if again is None or again.score < FOUND:
                break
            seen = again
        return seen

    def search_near(self, image: np.ndarray, place: Crop) -> Seen | None:
        """Find the face that was seen at a place a moment ago."""
        around = self.candidates(image, [replace(place, side=NEAR * place.side)])
        return self.start(image, [place, *around])

    def search(self, image: np.ndarray) -> Seen | None:
        """Find a face in the whole frame; now and then, if none is sure, in the frame turned and in its tiles."""
        height, width = image.shape[:2]
        whole, side = whole_frame(width, height), min(width, height)
        more = [([replace(whole, roll=roll)], TURNED) for roll in TURNS]
        more += [(tiles(width, height, share * side), STARTS) for share in TILE_SIDES]
        seen = self.start(image, self.candidates(image, [whole]))
        for squares, least in more:
            if self.missed % TILE_EVERY or (seen is not None and seen.score >= SURE):
                break
            if len(squares) <= TILE_LIMIT:
                other = self.start(image, self.candidates(image, squares), least)
                seen = better(seen, other, image)
        return seen

    def candidates(self, image: np.ndarray, squares: list[Crop]) -> list[Crop]:
        """Where the masks of some squares see faces, largest and most central first."""
        height, width = image.shape[:2]
        found: list[tuple[float, Crop]] = []
        for square in squares:
            look = self.network.look(cut(image, square, self.network.size))
            cells = look.depth.shape[0]
            mask = look.part[Part.BACKGROUND] < 0.5
            blob = crop_from_mask(mask, square.map_to_frame(self.network.size, cells), square.roll)
            if blob is None or blob[1] < 12 or not usable(blob[0], image):
                continue
            crop = blob[0]
            found.append((prominence(crop, width, height), crop))
        return [crop for _, crop in sorted(found, key=lambda f: -f[0])]

    def start(self, image: np.ndarray, crops: list[Crop], least: float = STARTS) -> Seen | None:
        """The best of the candidates that turn out to be faces."""
        best: Seen | None = None
        for crop in apart(crops)[:TRIES]:
            seen = self.follow(image, crop)
            if seen is not None and seen.score >= least:
                best = better(best, seen, image)
        return best

    def maps(self, seen: Seen) -> FaceMaps:
        """A look as FaceMaps in the frame."""
        look, size = seen.look, self.network.size
        cells = look.depth.shape[0]
        canonical = np.ascontiguousarray(look.canonical.transpose(1, 2, 0))
        part = look.part.argmax(0).astype(np.uint8)
        other = misplaced(seen.camera, canonical, part > 0, size / cells)
        part[other] = Part.BACKGROUND
        gaze = look.gaze.copy()
        gaze[:, :2] = gaze[:, :2] @ seen.crop.turn().T.astype(np.float32)
        return FaceMaps(
            found=True,
            canonical=canonical,
            depth=look.depth,
            part=part,
            confidence=pixel_confidence(look, part, seen.score),
            to_frame=seen.crop.map_to_frame(size, cells),
            points=apply(seen.crop.to_frame(size), look.points).astype(np.float32),
            point_sigma=(np.exp(look.point_log_sigma) * seen.crop.side / size).astype(np.float32),
            arkit=look.arkit,
            gaze=gaze,
            depth_known=False,
        )

    def nothing(self, image: np.ndarray) -> FaceMaps:
        """Maps of a frame without a face."""
        height, width = image.shape[:2]
        size = self.network.size
        cells, count = size // 2, len(self.model)
        return FaceMaps(
            found=False,
            canonical=np.zeros((cells, cells, 3), np.float32),
            depth=np.zeros((cells, cells), np.float32),
            part=np.zeros((cells, cells), np.uint8),
            confidence=np.zeros((cells, cells), np.float32),
            to_frame=whole_frame(width, height).map_to_frame(size, cells),
            points=np.zeros((count, 2), np.float32),
            point_sigma=np.zeros(count, np.float32),
        )


def prominence(crop: Crop, width: int, height: int) -> float:
    """Large and central squares come first: area times a bell over the distance from the frame's middle."""
    off = np.hypot((crop.x + 0.5) / width - 0.5, (crop.y + 0.5) / height - 0.5)
    return crop.side**2 * float(np.exp(-2 * off**2))


def better(one: Seen | None, other: Seen | None, image: np.ndarray) -> Seen | None:
    """The surer of two finds; of equally sure ones the more prominent."""
    if one is None or other is None:
        return one or other
    height, width = image.shape[:2]
    return max(one, other, key=lambda s: s.score**6 * prominence(s.crop, width, height) ** 0.5)


def apart(crops: list[Crop]) -> list[Crop]:
    """Without those that nearly repeat an earlier one."""
    kept: list[Crop] = []
    for crop in crops:
        if all(math.hypot(crop.x - k.x, crop.y - k.y) > 0.25 * k.side or crop.side < 0.6 * k.side for k in kept):
            kept.append(crop)
    return kept


def usable(crop: Crop, image: np.ndarray) -> bool:
    """The square is large enough and its centre is near the frame."""
    height, width = image.shape[:2]
    margin = crop.side / 2
    inside = -margin < crop.x < width + margin and -margin < crop.y < height + margin
    return inside and MIN_SIDE < crop.side < 4 * max(height, width)


def face_score(look: Look, camera: np.ndarray, size: int) -> float:
    """0..1: the network says face, is sure of its points, the mask is there, dense and sparse outputs agree."""
    part = look.part.argmax(0)
    face = part > 0
    share = float(face.mean())
    if share < 0.02:
        return 0.0
    canonical = look.canonical.transpose(1, 2, 0)
    wrong = float(misplaced(camera, canonical, face, size / face.shape[0]).sum()) / float(face.sum())
    sure = float((1 - look.part[Part.BACKGROUND])[face].mean())
    blur = float(np.exp(np.median(look.point_log_sigma))) / size
    return float(look.face) ** 0.5 * sure * (1 - wrong) * min(1.0, share / 0.1) / (1 + (blur / POINT_BLUR) ** 2)


def pixel_confidence(look: Look, part: np.ndarray, score: float) -> np.ndarray:
    """(h, w) 0..1 from the part's probability, the predicted sigma and the whole look's score."""
    probability = np.take_along_axis(look.part, part[None].astype(np.int64), axis=0)[0]
    sigma = np.exp(look.log_sigma)
    confidence = probability / (1 + (sigma / SIGMA_HALF) ** 2) * min(1.0, score / STARTS)
    return np.where(part > 0, confidence, 0).astype(np.float32)
