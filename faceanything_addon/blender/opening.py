"""Files in the programs that the system has for them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PATIENCE = 2.0  # seconds for an opener to say that it found no program; some run the program themselves and stay


def opened(file: Path) -> bool:
    """Open a file as a double click would; whether a program did.

    Blender's own operator for this prints a traceback where there is none, and tells nobody.
    """
    try:
        if sys.platform == "win32":
            os.startfile(file)
        else:
            opener = "open" if sys.platform == "darwin" else "xdg-open"
            process = subprocess.Popen([opener, str(file)])
            return process.wait(PATIENCE) == 0
    except subprocess.TimeoutExpired:
        return True
    except OSError:
        return False
    return True
