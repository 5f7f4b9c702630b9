"""The worker with the toy stages, as a script. TOY_PAUSE in its environment: seconds that a frame takes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from faceanything_addon.jobs import clip, worker  # noqa: E402
from support.toy import toy_stages  # noqa: E402


def stages() -> clip.Stages:
    print("a library that chats on standard output", flush=True)
    os.write(1, b"{} and one that writes past Python\n")
    if os.environ.get("TOY_CRASH"):
        print("a last word", file=sys.stderr)
        os.abort()
    return toy_stages(float(os.environ.get("TOY_PAUSE", "0")))


clip.default_stages = stages
code = worker.main(sys.argv[1:])
sys.stdout.flush()
os._exit(code)
