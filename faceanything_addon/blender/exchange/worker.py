"""An export in a Blender of its own, so that the user's scene is never touched and the export can be stopped.

Run as `blender --background --factory-startup --python worker.py -- OPTIONS`, or by a Python that has bpy; OPTIONS is
JSON: the arguments of command.export_file, and "sites", folders to search for packages. Standard output carries JSON
lines as those of jobs/worker.py, among what exporters print. The end of standard input stops it.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any


def main(options: dict[str, Any]) -> int:
    # Installed in Blender, the package has a longer name there; here it is always plain faceanything_addon.
    sys.path[:0] = [str(Path(__file__).resolve().parents[3]), *options.pop("sites")]
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    from faceanything_addon.errors import UserError

    try:
        from faceanything_addon.blender.exchange.command import export_file

        files = export_file(**options, report=_report, tell=_tell)
    except UserError as error:
        return _say({"error": str(error)}, 2)
    except Exception as error:
        traceback.print_exc()
        return _say({"error": f"internal error: {type(error).__name__}: {error}"}, 1)
    return _say({"take": str(files[0])}, 0)


def _leave_with_the_parent() -> None:
    # os.read, as a thread blocked in sys.stdin.readline holds a lock that the interpreter's exit waits for.
    os.read(0, 1)
    _say({"cancelled": True}, 130)
    os._exit(130)


def _report(done: int, total: int) -> None:
    _say({"stage": "export", "done": done, "total": total}, 0)


def _tell(line: str) -> None:
    _say({"message": line}, 0)


def _say(message: dict[str, Any], code: int) -> int:
    # A new line first: exporters leave lines open.
    sys.stdout.write("\n" + json.dumps(message) + "\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    exit_code = main(json.loads(sys.argv[-1]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Some versions of Blender's module hang at exit.
    os._exit(exit_code)
