"""Raw predictions of the released tool, with their footage, to a take; resumable."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..exchange.raw_predictions import RawPredictions, open_raw
from ..footage import Footage, Frame
from ..footage.masks import Masks
from ..model.bridge import Bridge, fit_bridge
from ..model.follow import EmbeddedFollower, Rest
from ..model.maps import FaceMaps
from ..model.merge import FullMaps, collect_pairs, merge_maps
from ..reconstruct.actor import default_focal
from ..reconstruct.camera import intrinsics
from ..take import TakeWriter
from ..take.anew import BRIDGE_FILE
from ..take.place import check_target
from ..take.storage import read_npz, write_npz
from .clip import (
    ClipOptions,
    Stages,
    Tracker,
    chosen_footage,
    common_settings,
    default_stages,
    known_focal,
    make_take,
    mask_settings,
    take_info,
)
from .progress import Meter, Progress, Report
from .stored import spread

BRIDGE_FRAMES = 60  # frames that teach the bridge, at most


@dataclass(frozen=True)
class RawOptions(ClipOptions):
    raw: str = ""  # raw_predictions.npz
    stride: int = 1  # the released tool's: every so many frames of the footage were predicted


class RawReader:
    """The stored maps of frames of the footage, asked for in order."""

    def __init__(self, raw: RawPredictions, footage: Footage) -> None:
        self.raw, self.start, self.step = raw, footage.start, footage.step
        self.maps: Iterator[FullMaps] | None = None
        self.position = 0

    def of(self, frame: Frame) -> FullMaps:
        """Broken frames of the footage are skipped here too."""
        number = (frame.index - self.start) // self.step
        if self.maps is None:
            self.maps, self.position = self.raw.frames(number), number
        for _ in range(number - self.position):
            next(self.maps)
        self.position = number + 1
        return next(self.maps)


class MaskedTracker:
    """The embedded network on what the user's masks leave."""

    def __init__(self, embedded: Tracker, masks: Masks) -> None:
        self.follower = EmbeddedFollower(embedded, masks.of)
        self.begin, self.foresee = self.follower.begin, embedded.foresee
        self.state, self.restore = embedded.state, embedded.restore


class RawTracker:
    """The embedded network and the stored maps, joined.

    Args:
        camera: (3, 3) intrinsics of the footage, as far as they are known.
    """

    def __init__(self, embedded: Tracker, reader: RawReader, bridge: Bridge, camera: np.ndarray) -> None:
        self.embedded, self.reader, self.bridge, self.camera = embedded, reader, bridge, camera
        self.foresee, self.state, self.restore = embedded.foresee, embedded.state, embedded.restore

    def begin(self, frame: Frame) -> Rest:
        rest = self.embedded.begin(frame)
        return lambda: merge_maps(rest(), self.reader.of(frame), self.bridge, camera=self.camera)


def import_raw(
    options: RawOptions,
    report: Report = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    stages: Stages | None = None,
) -> Path:
    """Predictions and footage in, finished take out.

    Returns:
        The take's folder.

    Raises:
        UserError: predictions, footage, target folder or options are no good, or do not belong together.
        Cancelled: `cancelled` said so; the same call with resume=True goes on.
    """
    check_target(Path(options.out).expanduser(), options.resume, options.overwrite)
    footage = _strided(options)
    raw = _matching(open_raw(options.raw), footage)
    masks = Masks(options.masks, footage) if options.masks else None
    focal, stages = known_focal(options, footage), _masked(stages or default_stages(), masks)
    settings = common_settings(options, focal, footage) | _raw_settings(options, raw) | mask_settings(masks)
    info = take_info(footage, stages.template, "full")
    writer = TakeWriter.open(options.out, info, settings, options.resume, options.overwrite)
    if not writer.complete:
        bridge = _bridge(writer, raw, footage, stages, options, report, cancelled)
        embedded, camera = stages.tracker, _camera(footage, focal)
        joined = replace(
            stages, tracker=lambda t, n: RawTracker(embedded(t, n), RawReader(raw, footage), bridge, camera)
        )
        make_take(writer, footage, joined, options, focal, report, cancelled)
    return writer.folder


def _masked(stages: Stages, masks: Masks | None) -> Stages:
    plain = stages.tracker
    return replace(stages, tracker=lambda t, n: MaskedTracker(plain(t, n), masks)) if masks else stages


def _strided(options: RawOptions) -> Footage:
    if options.stride < 1:
        raise UserError(f"--stride {options.stride}: give 1 or more, as the released tool was given")
    return replace(chosen_footage(options), step=options.stride)


def _matching(raw: RawPredictions, footage: Footage) -> RawPredictions:
    """The predictions, laid over the footage. Raises UserError: they are not of this footage."""
    if raw.frame_count != len(footage):
        raise UserError(
            f"{raw.path}: holds {raw.frame_count} frames, the footage gives {len(footage)}; choose the ones that were "
            "predicted with --start, --end and --stride, or give the folder of pictures that the tool read as footage"
        )
    return raw.over(footage.width, footage.height)


def _raw_settings(options: RawOptions, raw: RawPredictions) -> dict[str, Any]:
    return {"raw": str(raw.path.absolute()), "raw_bytes": raw.path.stat().st_size, "stride": options.stride}


def _camera(footage: Footage, focal: float | None) -> np.ndarray:
    """(3, 3); a usual lens where the focal length (pixels) is not known."""
    width, height = footage.width, footage.height
    return intrinsics(focal or default_focal(width, height), width, height)


def _bridge(
    writer: TakeWriter,
    raw: RawPredictions,
    footage: Footage,
    stages: Stages,
    options: RawOptions,
    report: Report,
    cancelled: Callable[[], bool],
) -> Bridge:
    """The one that an interrupted run stored, or a new one."""
    file = writer.folder / BRIDGE_FILE
    bridge = stored_bridge(file) if options.resume else None
    if bridge is None:
        pairs = collect_pairs(_seen_by_both(raw, footage, stages, options.threads, report, cancelled))
        try:
            bridge = fit_bridge(pairs.source, pairs.target, pairs.weight, pairs.frame)
        except UserError as error:
            writer.give_up()
            raise UserError(f"{raw.path}: {error}") from error
        write_npz(file, bridge.arrays())
    report(Progress("bridge", len(footage), len(footage), message=bridge.facts()))
    return bridge


def stored_bridge(file: Path) -> Bridge | None:
    """None where it is missing or damaged."""
    try:
        return Bridge.from_arrays(read_npz(file, lambda name, shape, dtype: dtype.kind in "fb" and len(shape) < 3))
    except (UserError, ValueError):
        return None


def _seen_by_both(
    raw: RawPredictions,
    footage: Footage,
    stages: Stages,
    threads: int | None,
    report: Report,
    cancelled: Callable[[], bool],
) -> Iterator[tuple[FaceMaps, FullMaps]]:
    """Both networks on frames spread over the clip."""
    meter = Meter("bridge", len(footage), 0, report, cancelled)
    chosen = footage.start + footage.step * spread(np.ones(len(footage), bool), BRIDGE_FRAMES)
    tracker, reader = stages.tracker(stages.template, threads), RawReader(raw, footage)
    for frame in footage.frames():
        if frame.index in chosen:
            yield tracker.begin(frame)(), reader.of(frame)
        meter.add(1)
