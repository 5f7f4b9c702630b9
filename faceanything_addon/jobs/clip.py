"""One clip, from footage to take; resumable."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..footage import Footage, Frame, open_footage
from ..footage.images import ImageSource
from ..footage.masks import Masks
from ..model.both import BothFollower
from ..model.embedded import networks_digest
from ..model.follow import EmbeddedFollower, Follower, MaskOf, Rest, Tracker
from ..model.maps import FaceMaps
from ..reconstruct.driving import Driving
from ..reconstruct.evidence import EVIDENCE_VERSION
from ..reconstruct.guesses import Guesses
from ..reconstruct.likeness import as_unlike
from ..take import CHUNK, Actor, EvidenceChunk, Frames, TakeInfo, TakeWriter
from ..take.anew import BRIDGE_FILE, in_the_making
from ..take.files import read_header
from ..take.place import check_target
from ..take.storage import write_npz
from ..template import Template, load_template
from ..timecode import Timecode
from .predictors import (
    EMBEDDED,
    FULL,
    JOINT,
    PREDICTORS,
    FullOptions,
    FullPlan,
    OpenPredictor,
    PlanFull,
    open_predictor,
    plan_full,
)
from .progress import Meter, Progress, Report
from .stored import gather, pieces, predicted_focal, spread

ACTOR_FRAMES = 60  # enough views for a neutral face; memory and time stay bounded for any length of take


@dataclass(frozen=True)
class ClipOptions:
    footage: str
    out: str  # the take's folder
    start: int | None = None  # first frame, inclusive
    end: int | None = None  # last, exclusive
    fov_degrees: float | None = None  # horizontal; default what the file tells, else estimated
    fps: float | None = None  # of a folder of pictures
    resume: bool = False
    overwrite: bool = False
    threads: int | None = None
    keep_evidence: bool = False
    masks: str | None = None  # folder with one picture a frame, white where the frame counts
    predictor: str = EMBEDDED
    checkpoint: str = ""  # this and the next three: of the full-size network, see FullOptions
    device: str = "auto"
    mode: str = JOINT
    window: int | None = None


class EmbeddedTracker:
    """The embedded network alone."""

    def __init__(self, template: Template, threads: int | None) -> None:
        from ..model.tracker import FaceTracker

        self.tracker = FaceTracker(template, threads=threads)
        self.state, self.restore = self.tracker.state, self.tracker.restore

    def begin(self, frame: Frame) -> Rest:
        return self.tracker.begin(frame.image)

    def foresee(self, frame: Frame) -> None:
        self.tracker.foresee(frame.image)


@dataclass(frozen=True)
class Stages:
    """What does the work. Tests put simpler ones in their place."""

    template: Template
    tracker: Callable[[Template, int | None], Tracker]
    observe: Callable[[FaceMaps, Template], dict[str, np.ndarray]]
    fit_actor: Callable[..., Actor]
    fit_frames: Callable[..., Iterator[Frames]]
    plan_full: PlanFull = plan_full
    open_predictor: OpenPredictor = open_predictor
    own_teeth: Callable[..., Actor] | None = None  # see reconstruct/teeth.py
    # For takes that only the embedded network saw:
    driving: Driving | None = None  # see fit_frames
    likeness: np.ndarray | None = None  # (K, K) see reconstruct/likeness.py
    guesses: Guesses | None = None  # see fit_frames

    def follower(self, threads: int | None, mask_of: MaskOf | None, full: FullPlan | None) -> Follower:
        """What looks at the footage."""
        embedded = EmbeddedFollower(self.tracker(self.template, threads), mask_of)
        return embedded if full is None else BothFollower(embedded, self.open_predictor(full, threads), full.window)


def default_stages() -> Stages:
    from ..reconstruct.actor import fit_actor
    from ..reconstruct.driving import embedded_driving
    from ..reconstruct.evidence import observe
    from ..reconstruct.frames import fit_frames
    from ..reconstruct.guesses import embedded_guesses
    from ..reconstruct.likeness import embedded_likeness
    from ..reconstruct.teeth import with_own_teeth

    template = load_template()
    stages = Stages(template, EmbeddedTracker, observe, fit_actor, fit_frames, own_teeth=with_own_teeth)
    names = template.expression_names
    rules = {"driving": embedded_driving(names), "guesses": embedded_guesses(names)}
    return replace(stages, likeness=embedded_likeness(len(template.identity)), **rules)


def reconstruct_clip(
    options: ClipOptions,
    report: Report = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    stages: Stages | None = None,
) -> Path:
    """Footage in, finished take out.

    Returns:
        The take's folder.

    Raises:
        UserError: footage, target folder or options are no good, or no face is seen.
        Cancelled: `cancelled` said so; the same call with resume=True goes on.
    """
    folder = Path(options.out).expanduser()
    exists = check_target(folder, options.resume, options.overwrite)
    footage = chosen_footage(options)
    if footage.note:
        report(Progress("observing", 0, len(footage), message=f"{footage.path}: {footage.note}"))
    focal = known_focal(options, footage)
    stages = stages or default_stages()
    masks = Masks(options.masks, footage) if options.masks else None
    full = _full_plan(options, footage, stages, exists)
    make_follower: Callable[[], Follower] = partial(stages.follower, options.threads, masks.of if masks else None, full)
    if full:
        report(Progress("bridge", 0, len(footage), message=full.text()))
        if not (exists and options.resume):  # networks that do not agree must not cost the take that is there
            make_follower = _prepared(make_follower(), footage, report, cancelled)
    info = take_info(footage, stages.template, options.predictor)
    settings = common_settings(options, focal, footage) | _own_settings(masks, full)
    writer = TakeWriter.open(options.out, info, settings, options.resume, options.overwrite)
    if not writer.complete:
        make_take(writer, footage, stages, options, focal, report, cancelled, make_follower)
    return writer.folder


def make_take(
    writer: TakeWriter,
    footage: Footage,
    stages: Stages,
    options: ClipOptions,
    focal: float | None,
    report: Report,
    cancelled: Callable[[], bool],
    make_follower: Callable[[], Follower] | None = None,
) -> None:
    """All stages of a take that is begun; the stages' tracker looks at the frames unless another follower is given."""
    make_follower = make_follower or partial(stages.follower, options.threads, None, None)
    times, found = _observe(writer, footage, stages, make_follower, report, cancelled)
    if not found.any():
        writer.give_up()
        raise UserError(f"{options.footage}: no face was found in {len(found)} frames; use footage that shows one")
    _fit(writer, footage, stages, focal or predicted_focal(writer), times, found, report, cancelled)
    writer.finish(options.keep_evidence)


def _full_plan(options: ClipOptions, footage: Footage, stages: Stages, exists: bool) -> FullPlan | None:
    """How the full-size network is to run; None without it. Raises UserError."""
    if options.predictor not in PREDICTORS:
        raise UserError(f"--predictor {options.predictor}: is not known; give {' or '.join(PREDICTORS)}")
    if options.predictor != FULL:
        return None
    begun = in_the_making(Path(options.out).expanduser())
    before = read_header(begun).settings if exists and options.resume else None
    chosen = FullOptions(options.checkpoint, options.device, options.mode, options.window)
    return stages.plan_full(chosen, footage, before)


def _own_settings(masks: Masks | None, full: FullPlan | None) -> dict[str, Any]:
    """What a resumed run must have in common with the first, where it goes beyond `common_settings`."""
    return mask_settings(masks) | (full.settings() if full else {})


def mask_settings(masks: Masks | None) -> dict[str, Any]:
    """What tells the user's masks from others."""
    return {"masks": str(masks.folder), "mask_bytes": masks.bytes} if masks else {}


def known_focal(options: ClipOptions, footage: Footage) -> float | None:
    """Pixels."""
    if options.fov_degrees is None:
        return footage.focal
    if not 1 <= options.fov_degrees <= 170:
        raise UserError(f"--fov-degrees {options.fov_degrees:g}: give the horizontal field of view, 1 to 170 degrees")
    return footage.width / 2 / math.tan(math.radians(options.fov_degrees) / 2)


def take_info(footage: Footage, template: Template, predictor: str) -> TakeInfo:
    version = hashlib.sha256(template.vertices.tobytes() + template.quads.tobytes()).hexdigest()[:12]
    return TakeInfo(
        footage=str(footage.path),
        width=footage.width,
        height=footage.height,
        start=footage.start,
        end=footage.end,
        fps=float(footage.fps),
        predictor=predictor,
        template_version=version,
        timecode=_timecode(footage, footage.start),
    )


def _timecode(footage: Footage, frame: int) -> str:
    """Of a frame; empty where the footage has none that can be read."""
    try:
        return str(Timecode.parse(footage.timecode or "", footage.fps) + frame)
    except ValueError:
        return ""


def chosen_footage(options: ClipOptions) -> Footage:
    """The clip that the options name.

    Raises:
        UserError: see `open_footage`; or a rate is given for a video.
    """
    footage = open_footage(options.footage, options.start, options.end, options.fps)
    if options.fps is not None and footage.kind == "video":
        raise UserError(
            f"{footage.path}: the video brings its own frame rate, {footage.fps:.5g}; leave out {options.fps:g}"
        )
    return footage


def common_settings(options: ClipOptions, focal: float | None, footage: Footage) -> dict[str, Any]:
    """What else a resumed run must have in common with the first."""
    size = footage_bytes(footage)
    if options.resume and _size_is_unknown(in_the_making(Path(options.out).expanduser())):
        size = None
    known = {"evidence": EVIDENCE_VERSION, "networks": networks_digest()}  # an update may bring others
    return {"focal": focal, "footage_bytes": size} | known


def footage_bytes(footage: Footage) -> int:
    """Of the video, or of all its pictures: others in the same place are noticed by it."""
    if isinstance(footage.source, ImageSource):
        return sum(file.stat().st_size for file in footage.source.files)
    return footage.path.stat().st_size


def _size_is_unknown(folder: Path) -> bool:
    """The take was begun by a version that did not add up the pictures of a folder. Raises UserError: damaged."""
    if not (folder / "take.json").is_file():
        return False
    settings = read_header(folder).settings
    return "footage_bytes" in settings and settings["footage_bytes"] is None


def _observe(
    writer: TakeWriter,
    footage: Footage,
    stages: Stages,
    make_follower: Callable[[], Follower],
    report: Report,
    cancelled: Callable[[], bool],
) -> tuple[np.ndarray, np.ndarray]:
    """Run the network over the frames that no stored chunk covers; (F,) times and (F,) found of all frames."""
    last = writer.sound_evidence()
    if writer.header.frames is None or not _covers(writer):
        first = footage.start if last is None else int(last.index[-1]) + 1
        follower = make_follower()
        if last is not None:
            follower.restore(last.tracker_state)
        _prepared(follower, footage, report, cancelled)
        if bridge := follower.bridge_arrays():
            write_npz(writer.folder / BRIDGE_FILE, bridge)
        meter = Meter("observing", len(footage), len(range(footage.start, first, footage.step)), report, cancelled)
        for chunk in _watch(follower, footage, first, stages, meter):
            writer.add_evidence(chunk)
        _end_observing(writer, footage, report)
    chunks = [(c.time, c.evidence["found"]) for c in writer.evidence()]
    return np.concatenate([t for t, _ in chunks]), np.concatenate([f for _, f in chunks]).astype(bool)


def _prepared(
    follower: Follower, footage: Footage, report: Report, cancelled: Callable[[], bool]
) -> Callable[[], Follower]:
    """The follower, once it has found out what has to be known before the first frame."""
    if samples := follower.samples(footage):
        line = follower.prepare(footage, Meter("bridge", samples, 0, report, cancelled).ahead)
        report(Progress("bridge", samples, samples, message=line))
    return lambda: follower


def _covers(writer: TakeWriter) -> bool:
    return writer.evidence_chunks == -(-(writer.header.frames or 0) // CHUNK)


def _watch(follower: Follower, footage: Footage, first: int, stages: Stages, meter: Meter) -> Iterator[EvidenceChunk]:
    """Evidence in chunks of CHUNK frames; the last may be shorter."""
    waiting: list[tuple[dict[str, np.ndarray], int, float]] = []
    for frame, maps in follower.follow(footage, first, meter.ahead):
        waiting.append((stages.observe(maps, stages.template), frame.index, frame.time))
        meter.add(1)
        if len(waiting) == CHUNK:
            yield _chunk(waiting, follower)
            waiting = []
    if waiting:
        yield _chunk(waiting, follower)


def _chunk(waiting: list[tuple[dict[str, np.ndarray], int, float]], follower: Follower) -> EvidenceChunk:
    return EvidenceChunk(
        evidence={name: np.stack([e[name] for e, _, _ in waiting]) for name in waiting[0][0]},
        index=np.array([i for _, i, _ in waiting], np.int64),
        time=np.array([t for _, _, t in waiting], np.float64),
        tracker_state=follower.state(),
    )


def _end_observing(writer: TakeWriter, footage: Footage, report: Report) -> None:
    total = len(footage)
    index = np.concatenate([chunk.index for chunk in writer.evidence()])
    frames = len(index)
    broken = total - frames
    if broken:
        line = f"{footage.path.name}: {broken} of {total} frames are broken and were left out"
        report(Progress("observing", total, total, message=line))
    writer.end_evidence(frames, broken, _timecode(footage, int(index[0])))


def _fit(
    writer: TakeWriter,
    footage: Footage,
    stages: Stages,
    focal: float | None,
    times: np.ndarray,
    found: np.ndarray,
    report: Report,
    cancelled: Callable[[], bool],
) -> None:
    views = spread(found, ACTOR_FRAMES)
    meter = Meter("actor", len(views), 0, report, cancelled)
    seen, size = gather(writer, views), (footage.width, footage.height)
    actor = stages.fit_actor(seen, stages.template, *size, focal)
    embedded = writer.header.info.predictor == EMBEDDED
    if embedded and stages.likeness is not None:
        actor = as_unlike(actor, stages.template, stages.likeness)
    if stages.own_teeth is not None:
        actor = stages.own_teeth(actor, seen, stages.template, *size, stages.guesses if embedded else None)
    writer.set_actor(actor)
    meter.add(len(views))
    # The first pass over the evidence fits, the last gives the meshes; each has a bar of its own.
    fitting = iter([Meter("fitting", len(times), 0, report, cancelled)])

    def chunks() -> Iterator[dict[str, np.ndarray]]:
        return pieces(writer, next(fitting, None))

    rules = {"driving": stages.driving, "guesses": stages.guesses} if embedded else {}
    options = {name: rule for name, rule in rules.items() if rule is not None}
    meshes: Meter | None = None
    for frames in stages.fit_frames(chunks, actor, stages.template, *size, times, **options):
        meshes = meshes or Meter("meshes", len(times), 0, report, cancelled)
        writer.add_frames(frames)
        meshes.add(len(frames))
    if meshes is None or meshes.done != len(times):
        raise RuntimeError(f"fit_frames left out some of {len(times)} frames")
