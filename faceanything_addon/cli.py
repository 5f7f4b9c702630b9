"""The command line: faceanything reconstruct | info | export | send | scene | retarget | ...."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import cli_exchange
from .cli_exchange import blender_needed
from .errors import UserError

EXIT_BEYOND_TOLERANCE, EXIT_USER_ERROR, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 a check failed, 2 the user's error, 130 stopped by Ctrl-C."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.command(parsed) or 0
    except UserError as error:
        return _fail(parsed, str(error), EXIT_USER_ERROR)
    except KeyboardInterrupt:
        hint = "; run the same command with --resume to go on" if parsed.command is reconstruct else ""
        return _fail(parsed, "stopped" + hint, EXIT_INTERRUPTED)


def run() -> None:
    """The console script. Ends the hard way where bpy was loaded, as some of its versions hang at exit."""
    code = main()
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
    _add_make_shapes(commands)
    _add_full_size(commands)
    return parser


def _add(commands: Any, name: str, command: Callable[..., int | None], text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=command)
    return parser


def _add_reconstruct(commands: Any) -> None:
    parser = _add(commands, "reconstruct", reconstruct, "make a take from footage of a face")
    parser.add_argument("footage", metavar="FOOTAGE", help="video, folder of pictures, or picture")
    parser.add_argument("--out", required=True, metavar="TAKE", help="folder to make")
    parser.add_argument("--start", type=int, metavar="S", help="first frame, counted from 0")
    parser.add_argument("--end", type=int, metavar="E", help="frame to stop before")
    parser.add_argument("--fov-degrees", type=float, metavar="D", help="horizontal field of view of the camera")
    parser.add_argument("--resume", action="store_true", help="go on with a take that was interrupted")
    parser.add_argument("--overwrite", action="store_true", help="replace the take that is there")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines on standard output")


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
    parser = _add(commands, "retarget", retarget, "animate a character that has shape keys (needs bpy)")
    parser.add_argument("take", metavar="TAKE", help="folder of the take, or a recording (.csv, .json, .txt)")
    parser.add_argument("--character", required=True, metavar="FILE", help="character: .blend, .glb, .gltf or .fbx")
    parser.add_argument("--out", required=True, metavar="FILE.blend")
    parser.add_argument("--object", metavar="NAME", help="object of the character, where the file has several")
    parser.add_argument("--preset", metavar="NAME_OR_FILE", help="naming or preset, where the keys are not recognised")
    parser.add_argument("--head", metavar="NAME", help="bone or object that receives the head's turn")
    parser.add_argument("--mirror", action="store_true", help="the actor's left drives the character's right")
    parser.add_argument(
        "--drive",
        choices=["keys", "mesh"],
        default="keys",
        help="keys: the character's shape keys; mesh: a take's own motion on its vertices, no keys needed",
    )
    _add_face_options(parser)


def _add_make_shapes(commands: Any) -> None:
    parser = _add(commands, "make-shapes", make_shapes, "make the 52 ARKit shape keys for a character (needs bpy)")
    parser.add_argument("character", metavar="CHARACTER", help=".blend, .glb, .gltf, .fbx or .obj")
    parser.add_argument("--out", required=True, metavar="FILE.blend")
    parser.add_argument("--object", metavar="NAME", help="mesh of the character, where the file has several")
    _add_face_options(parser)


def _add_face_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--landmarks", metavar="FILE.json", help="places of the face, where it is not recognised")
    parser.add_argument("--front", metavar="AXIS", help="where the character looks: -Y, +Y, -X, +X, +Z or -Z")


def reconstruct(parsed: argparse.Namespace) -> None:
    from .jobs.clip import ClipOptions, reconstruct_clip

    names = ("footage", "out", "start", "end", "fov_degrees", "resume", "overwrite")
    options = ClipOptions(**{name: getattr(parsed, name) for name in names})
    # An interrupt that the parent shell ignores (a job in the background) must still be heard.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if parsed.json:
        take = reconstruct_clip(options, lambda p: _print_json({k: v for k, v in vars(p).items() if v is not None}))
        _print_json({"take": str(take)})
        return
    with _Bar() as bar:
        take = reconstruct_clip(options, bar.report)
    print(f"{take}: the take is complete")


class _Bar:
    """Progress bars on standard error, one a stage."""

    def __init__(self, unit: str = "frame") -> None:
        self._bar: Any = None
        self._unit = unit
        self._stage = ""

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, progress: Any) -> None:
        from tqdm import tqdm

        if progress.message:
            tqdm.write(f"faceanything: {progress.message}", file=sys.stderr)
            return
        if progress.stage != self._stage:
            self.__exit__()
            self._stage = progress.stage
            self._bar = tqdm(
                total=progress.total, initial=progress.done, desc=progress.stage, unit=self._unit, file=sys.stderr
            )
        self._bar.update(progress.done - self._bar.n)


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

    from .take.files import TakeReader, read_header

    header = read_header(folder)
    facts = {"take": str(folder), **asdict(header.info), "stage": header.stage, "frames": header.frames}
    facts["broken_frames"] = header.broken
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

    build_scene_file(parsed.take, parsed.out, parsed.preview)
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
    from .exchange.sources import read_performance
    from .retarget import chosen_mapping

    if parsed.drive == "mesh":
        drive_mesh(parsed)
        return
    # A bad take or preset is told before Blender is loaded.
    performance = read_performance(parsed.take)
    mapping = chosen_mapping(parsed.preset) if parsed.preset else None
    with blender_needed():
        from .blender.retarget.command import retarget_file

    report = retarget_file(
        performance, parsed.character, parsed.out, parsed.object, mapping, parsed.head, parsed.mirror
    )
    for line in report.lines():
        print(line)
    print(f"{parsed.out}: written")


def make_shapes(parsed: argparse.Namespace) -> None:
    landmarks, front = _face_options(parsed)
    with blender_needed():
        from .blender.create.command import make_shapes_file
    with _percent_bar("making shapes") as report:
        lines = make_shapes_file(parsed.character, parsed.out, parsed.object, landmarks, front, report)
    for line in (*lines, f"{parsed.out}: written"):
        print(line)


def drive_mesh(parsed: argparse.Namespace) -> None:
    from .take.files import TakeReader

    if parsed.preset or parsed.mirror:
        raise UserError("--preset and --mirror are for shape keys; leave them out with --drive mesh")
    TakeReader(parsed.take)  # a bad take is told before Blender is loaded
    landmarks, front = _face_options(parsed)
    with blender_needed():
        from .blender.create.drive import drive_file
    with _percent_bar("driving the mesh") as report:
        line = drive_file(
            parsed.take, parsed.character, parsed.out, parsed.object, landmarks, front, parsed.head, report
        )
    print(line)
    print(f"{parsed.out}: written")


def _face_options(parsed: argparse.Namespace) -> tuple[Any, Any]:
    """Landmarks and front of a character, each None where not given. Raises UserError."""
    from .retarget.create import read_landmarks
    from .retarget.create.fronts import front_rotation

    landmarks = read_landmarks(parsed.landmarks) if parsed.landmarks else None
    return landmarks, front_rotation(parsed.front) if parsed.front else None


@contextmanager
def _percent_bar(stage: str) -> Iterator[Callable[[int, int], None]]:
    from .jobs.progress import Progress

    with _Bar("%") as bar:
        yield lambda done, total: bar.report(Progress(stage, done, total))


if __name__ == "__main__":
    run()
