"""The command line: `faceanything COMMAND ...`; `faceanything --help` lists the commands."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any

from . import cli_exchange
from .cli_bar import Bar
from .cli_create import add_drive_arguments, add_shape_arguments, drive_mesh, make_shapes, refuse_mesh_words
from .cli_exchange import blender_needed
from .cli_retarget import add_arguments as add_retarget_arguments
from .cli_retarget import plan
from .errors import UserError
from .threads import calm_linear_algebra

FOOTAGE_HELP = "video, folder of pictures, or picture"
EXIT_BEYOND_TOLERANCE, EXIT_USER_ERROR, EXIT_INTERRUPTED = 1, 2, 130
EXIT_UNREAD = 141  # whoever read the output went away, as `head` does: what a shell reports then


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 a check failed, 2 the user's error, 130 stopped by Ctrl-C."""
    with _printable_names():
        return _run(arguments)


@contextmanager
def _printable_names() -> Iterator[None]:
    """Letters that the output's code page lacks are printed as \\uXXXX, so that no name of a file ends a command.

    Afterwards the streams are as they were: inside Blender they are Blender's.
    """
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    before = [(stream, stream.errors) for stream in streams]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in before:
            with suppress(OSError, ValueError):  # nobody listens any more, or it was closed
                stream.reconfigure(errors=errors)


def _run(arguments: list[str] | None) -> int:
    parsed = _parser().parse_args(arguments)
    calm_linear_algebra()
    try:
        return parsed.command(parsed) or 0
    except UserError as error:
        return _fail(parsed, str(error), EXIT_USER_ERROR)
    except KeyboardInterrupt:
        resumable = parsed.command in (reconstruct, import_raw)
        hint = "; run the same command with --resume to go on" if resumable else ""
        return _fail(parsed, "stopped" + hint, EXIT_INTERRUPTED)


def run() -> None:
    """The console script. Ends the hard way where bpy was loaded, as some of its versions hang at exit."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        code = EXIT_UNREAD
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _fail(parsed: argparse.Namespace, line: str, code: int) -> int:
    if getattr(parsed, "json", False):
        _print_json({"error": line})
    print(f"faceanything: {line}", file=sys.stderr)
    return code


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="faceanything", description="Facial capture from ordinary video.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_reconstruct(commands)
    info = _add(commands, "info", show_info, "tell what a take holds")
    info.add_argument("take", metavar="TAKE", help="folder of the take")
    info.add_argument("--json", action="store_true", help="as a JSON object")
    cli_exchange.add_commands(commands, _add)
    scene = _add(commands, "scene", build_scene, "make a Blender scene of a take (needs bpy)")
    scene.add_argument("take", metavar="TAKE", help="folder of the take")
    scene.add_argument("--out", required=True, metavar="FILE.blend")
    scene.add_argument("--preview", metavar="FILE.mp4", help="also render the mesh over the footage")
    _add_retarget(commands)
    _add_calibrate(commands)
    _add_make_shapes(commands)
    _add_full_size(commands)
    return parser


def _add(commands: Any, name: str, command: Callable[..., int | None], text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=command)
    return parser


def _add_reconstruct(commands: Any) -> None:
    parser = _add(commands, "reconstruct", reconstruct, "make a take from footage of a face")
    parser.add_argument("footage", metavar="FOOTAGE", help=FOOTAGE_HELP)
    _add_take_options(parser)
    _add_network_options(parser)
    parser = _add(commands, "import-raw", import_raw, "make a take from predictions of the released Face Anything tool")
    parser.add_argument("raw", metavar="FILE.npz", help="its raw_predictions.npz")
    parser.add_argument("--footage", required=True, metavar="FOOTAGE", help=FOOTAGE_HELP + " that it was made from")
    parser.add_argument("--stride", type=int, default=1, metavar="N", help="every N-th frame was predicted")
    parser.add_argument("--masks", metavar="FOLDER", help="one picture a frame, white where the frame counts")
    _add_take_options(parser)


def _add_take_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="TAKE", help="folder to make")
    parser.add_argument("--start", type=int, metavar="S", help="first frame, counted from 0")
    parser.add_argument("--end", type=int, metavar="E", help="frame to stop before")
    parser.add_argument("--fps", type=float, metavar="R", help="frame rate of a folder of pictures; default: 25")
    parser.add_argument("--fov-degrees", type=float, metavar="D", help="horizontal field of view of the camera")
    begun = parser.add_mutually_exclusive_group()
    begun.add_argument("--resume", action="store_true", help="go on with a take that was interrupted")
    begun.add_argument("--overwrite", action="store_true", help="replace the take that is there")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines on standard output")


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--masks", metavar="FOLDER", help="one picture a frame, white where the frame counts")
    parser.add_argument("--predictor", choices=["embedded", "full"], default="embedded", help="default: embedded")
    full = parser.add_argument_group("full-size network")
    full.add_argument("--checkpoint", default="", metavar="FILE.safetensors", help="its weights, made by convert")
    full.add_argument("--device", choices=["auto", "cuda", "mps", "cpu"], default="auto", help="default: auto")
    full.add_argument("--mode", choices=["joint", "one-by-one"], default="joint", help="default: joint")
    full.add_argument("--window", type=int, metavar="N", help="frames seen together in joint mode")


def _add_full_size(commands: Any) -> None:
    parser = _add(commands, "convert", convert_checkpoint, "make the full-size network's weights from its checkpoint")
    parser.add_argument("checkpoint", metavar="CHECKPOINT.pt", help="the released checkpoint")
    parser.add_argument("--out", required=True, metavar="FILE.safetensors")
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16"], default="float32", help="of the backbone's products"
    )
    parser = _add(commands, "check-parity", check_parity, "compare the full-size network with recorded numbers")
    parser.add_argument("fixture", metavar="FIXTURE.npz", help="recorded arrays")
    parser.add_argument("description", metavar="DESCRIPTION.json", help="what they are")


def _add_retarget(commands: Any) -> None:
    parser = _add(commands, "retarget", retarget, "animate a character that has shape keys or face bones (needs bpy)")
    add_retarget_arguments(parser)
    add_drive_arguments(parser)


def _add_calibrate(commands: Any) -> None:
    parser = _add(commands, "calibrate", calibrate_actor, "make an actor's profile from a range of motion")
    parser.add_argument("take", metavar="TAKE", help="folder of the take, or a recording (.csv, .json, .txt)")
    parser.add_argument("--neutral", metavar="S-E", help="frames in which the face rests, as 0-15, the last included")
    parser.add_argument("--out", required=True, metavar="FILE.json")


def _add_make_shapes(commands: Any) -> None:
    parser = _add(commands, "make-shapes", make_shapes, "make the 52 ARKit shape keys for a character (needs bpy)")
    add_shape_arguments(parser)


TAKE_OPTIONS = ("footage", "out", "start", "end", "fps", "fov_degrees", "resume", "overwrite")
NETWORK_OPTIONS = ("masks", "predictor", "checkpoint", "device", "mode", "window")


def reconstruct(parsed: argparse.Namespace) -> None:
    from .jobs.clip import ClipOptions, reconstruct_clip

    options = ClipOptions(**{name: getattr(parsed, name) for name in (*TAKE_OPTIONS, *NETWORK_OPTIONS)})
    _make_take(parsed, lambda report: reconstruct_clip(options, report))


def import_raw(parsed: argparse.Namespace) -> None:
    from .jobs import raw

    options = raw.RawOptions(**{name: getattr(parsed, name) for name in (*TAKE_OPTIONS, "raw", "stride", "masks")})
    _make_take(parsed, lambda report: raw.import_raw(options, report))


def _make_take(parsed: argparse.Namespace, job: Callable[[Callable[[Any], None]], Any]) -> None:
    # An interrupt that the parent shell ignores (a job in the background) must still be heard.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if parsed.json:
        take = job(lambda p: _print_json({k: v for k, v in vars(p).items() if v is not None}))
        _print_json({"take": str(take)})
        return
    with Bar() as bar:
        take = job(bar.report)
    print(f"{take}: the take is complete")


def show_info(parsed: argparse.Namespace) -> None:
    from pathlib import Path

    facts = take_facts(Path(parsed.take).expanduser())
    if parsed.json:
        _print_json(facts)
        return
    for name, value in facts.items():
        print(f"{name.replace('_', ' ')}: {value}")


def take_facts(folder: Any) -> dict[str, Any]:
    """What `info` shows. An unfinished take tells only what it is made from.

    Raises:
        UserError: not a take, or damaged.
    """
    from dataclasses import asdict

    from .take.anew import in_the_making
    from .take.files import TakeReader, read_header

    header, new = read_header(folder), in_the_making(folder)
    facts = {"take": str(folder), **asdict(header.info), "stage": header.stage, "frames": header.frames}
    facts["broken_frames"] = header.broken
    if new != folder:
        facts["made_anew"] = read_header(new).stage
    if header.stage == "complete":
        reader = TakeReader(folder)
        times = [(chunk.time, chunk.found) for chunk in reader.chunks()]
        facts |= {
            "frames_with_face": int(sum(f.sum() for _, f in times)),
            "first_time": float(times[0][0][0]),
            "last_time": float(times[-1][0][-1]),
            "vertices": len(reader.actor.neutral),
            "focal": reader.actor.focal,
        }
    return facts


def build_scene(parsed: argparse.Namespace) -> None:
    from .take.files import TakeReader

    TakeReader(parsed.take)  # a bad take is told before Blender is loaded
    with blender_needed():
        from .blender.command import build_scene_file

    build_scene_file(parsed.take, parsed.out, parsed.preview, cli_exchange.tell)
    for file in (parsed.out, parsed.preview):
        if file:
            print(f"{file}: written")


def convert_checkpoint(parsed: argparse.Namespace) -> None:
    from pathlib import Path

    from .model.full import require

    require("torch")
    from .model.full.convert import convert

    checkpoint, out = Path(parsed.checkpoint).expanduser(), Path(parsed.out).expanduser()
    plan = convert(checkpoint, out, bfloat16=parsed.dtype == "bfloat16")
    print(f"{out}: written, {plan.bytes / 1e9:.2f} GB")


def check_parity(parsed: argparse.Namespace) -> int:
    from .model.full.parity import check_fixture

    checks = []
    for check in check_fixture(parsed.fixture, parsed.description):
        checks.append(check)
        print(check.line(), flush=True)
    beyond = [check.name for check in checks if not check.passed]
    print(f"{len(checks)} arrays, {len(beyond)} beyond tolerance")
    return EXIT_BEYOND_TOLERANCE if beyond else 0


def retarget(parsed: argparse.Namespace) -> None:
    if parsed.drive == "mesh":
        drive_mesh(parsed)
        return
    refuse_mesh_words(parsed)
    wanted = plan(parsed)  # a bad take, preset or word is told before Blender is loaded
    with blender_needed():
        from .blender.retarget.command import retarget_file

    report = retarget_file(wanted, parsed)
    for line in report.lines():
        print(line)
    print(f"{parsed.out}: written")


def calibrate_actor(parsed: argparse.Namespace) -> None:
    from pathlib import Path

    from .exchange.sources import read_performance
    from .exchange.target import refuse_source
    from .retarget.calibration import ActorProfile, fit_gains, neutral_of, parse_frames, save_profile

    samples = parse_frames(parsed.neutral) if parsed.neutral else None
    performance = read_performance(parsed.take)
    refuse_source(parsed.take, parsed.out)
    neutral = neutral_of(performance, samples) if samples is not None else {}
    gains = fit_gains(performance, neutral)
    file = save_profile(ActorProfile(Path(parsed.out).stem, neutral, gains), parsed.out)
    print(f"gains: {', '.join(f'{name} {gain:.2f}' for name, gain in gains.items()) or 'none, nothing moved enough'}")
    print(f"{file}: written")


if __name__ == "__main__":
    run()
