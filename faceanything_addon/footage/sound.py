"""Whether footage has sound, and when it begins."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path


def sound_start(file: str | Path) -> float | None:
    """Time stamp of a video's first sound, seconds on the clock of its pictures; None without sound."""
    import av
    from av.error import FFmpegError

    from .video import FORMATS

    try:
        options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
        with av.open(str(Path(file).absolute()), options=options, metadata_errors="replace") as container:
            if not container.streams.video or not container.streams.audio:
                return None
            stream = container.streams.audio[0]
            return float((stream.start_time or 0) * (stream.time_base or 0))
    except (FFmpegError, OSError, ValueError):
        return None
