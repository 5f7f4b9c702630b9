"""A clip job in a process of its own, told and heard through JSON lines.

Run as `python -I -u worker.py [--site FOLDER]... OPTIONS`, by any Python that has numpy; OPTIONS is the JSON of
clip.ClipOptions, each FOLDER is searched for packages. Standard output carries one JSON object a line: {"stage",
"done", "total", "eta", "message"}, and last {"take": folder}, {"error": line} or {"cancelled": true}. A line on
standard input, its end, or SIGTERM cancels. Exit code: 0 done, 1 defect, 2 the user's error, 130 cancelled.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Send = Callable[[dict[str, Any]], None]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="worker.py")
    parser.add_argument("--site", action="append", default=[], help="folder to search for packages")
    parser.add_argument("options", help="JSON of the clip's options")
    parsed = parser.parse_args(arguments)
    # Installed in Blender, the package has a longer name there; here it is always plain faceanything_addon.
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), *parsed.site]
    from faceanything_addon.threads import calm_linear_algebra

    calm_linear_algebra()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_watch_input, args=(stop,), daemon=True).start()
    send = _private_output()
    code, last = _run(parsed.options, send, stop)
    send(last)
    return code


def _watch_input(stop: threading.Event) -> None:
    """A line or the end of standard input means stop; the end comes also when the parent dies."""
    # os.read, as a thread blocked in sys.stdin.readline holds a lock that the interpreter's exit waits for.
    try:
        os.read(0, 1)
    finally:
        stop.set()


def _private_output() -> Send:
    """Keep standard output for our lines; what libraries print there goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        try:
            stream.write(json.dumps(message) + "\n")
            stream.flush()
        except BrokenPipeError:
            pass  # nobody listens any more; the end of standard input stops the job

    return send


def _run(options: str, send: Send, stop: threading.Event) -> tuple[int, dict[str, Any]]:
    """Exit code and last message."""
    from faceanything_addon.errors import UserError
    from faceanything_addon.jobs.progress import Cancelled, Progress

    def report(progress: Progress) -> None:
        send({k: v for k, v in vars(progress).items() if v is not None})

    try:
        from faceanything_addon.jobs.clip import ClipOptions, reconstruct_clip

        take = reconstruct_clip(ClipOptions(**json.loads(options)), report, stop.is_set)
        return 0, {"take": str(take)}
    except Cancelled:
        return 130, {"cancelled": True}
    except UserError as error:
        return 2, {"error": str(error)}
    except ImportError as error:
        traceback.print_exc()
        return 2, {"error": f"{sys.executable}: cannot load {error.name or error}; choose a Python that has it"}
    except Exception as error:
        traceback.print_exc()
        return 1, {"error": f"internal error: {type(error).__name__}: {error}"}


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Daemon threads of libraries must not hold up the end.
    os._exit(exit_code)
