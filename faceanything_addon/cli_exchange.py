"""The commands export and send."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .cli_bar import say, stage_bar
from .errors import UserError

PLAIN = ("npz", "livelink", "arkit-json", "pc2", "mdd", "obj")
BLENDERS = ("alembic", "usd", "gltf", "fbx")
Add = Callable[..., argparse.ArgumentParser]


def add_commands(commands: Any, add: Add) -> None:
    export = add(commands, "export", run_export, "write a take as a file for other tools")
    export.add_argument("take", metavar="TAKE", help="folder of the take; for livelink and arkit-json also a recording")
    export.add_argument("--format", choices=[*PLAIN, *BLENDERS], required=True, help="the last four need bpy")
    export.add_argument("--out", required=True, metavar="FILE")
    export.add_argument("--space", choices=["camera", "head"], help="meshes before the camera, or with the head still")
    export.add_argument("--rate", type=float, metavar="FPS", help="frames a second; the take's own without it")
    export.add_argument("--content", choices=["mesh", "rig"], help="the meshes of all frames, or shape keys that move")
    send = add(commands, "send", run_send, "play a take to another program over the network")
    send.add_argument("take", metavar="TAKE", help="folder of the take, or a recording (.csv, .json, .txt)")
    send.add_argument("--to", required=True, metavar="HOST:PORT", help="receiver; nothing is sent anywhere else")
    send.add_argument("--protocol", choices=["livelink", "osc", "vmc"], required=True)
    send.add_argument("--subject", default="FaceAnything", metavar="NAME", help="name of the face in Unreal (livelink)")
    send.add_argument("--loop", action="store_true", help="begin again at the end, until Ctrl-C")


def run_export(parsed: argparse.Namespace) -> None:
    with stage_bar("exporting") as report:
        written = _export_blender(parsed, report) if parsed.format in BLENDERS else _export_plain(parsed, report)
    for file in written:
        print(f"{file}: written")


def _export_plain(parsed: argparse.Namespace, report: Any) -> list[Any]:
    from .exchange.export import ExportOptions, export

    if parsed.content is not None:
        raise UserError(f"--content: {parsed.format} has one content only; leave it out")
    options = ExportOptions(parsed.space, parsed.rate)
    return export(parsed.take, parsed.format, parsed.out, options, report, tell)


def _export_blender(parsed: argparse.Namespace, report: Any) -> list[Any]:
    from .take.files import TakeReader

    TakeReader(parsed.take)  # a bad take is told before Blender is loaded
    with blender_needed():
        from .blender.exchange.command import export_file
    return export_file(parsed.take, parsed.format, parsed.out, parsed.content, parsed.space, parsed.rate, report, tell)


def tell(line: str) -> None:
    """A line for the user about what a command could not do and went on without."""
    say(f"faceanything: {line}")


def run_send(parsed: argparse.Namespace) -> None:
    from .exchange.send import Sender, play
    from .exchange.sources import read_performance

    performance = read_performance(parsed.take)
    with Sender(parsed.to, parsed.protocol, parsed.subject) as sender, stage_bar("sending") as report:
        play(performance, sender, parsed.loop, report)


@contextmanager
def blender_needed() -> Iterator[None]:
    """Says what to install where Blender's module cannot be imported."""
    try:
        yield
    except ImportError as error:
        raise UserError(
            f"bpy cannot be loaded ({error}); install it with: pip install 'faceanything[scene]'"
        ) from error
