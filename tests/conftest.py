"""What all tests share."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sys
import tempfile

import pytest

# bpy must not write into the home folder.
os.environ.setdefault("BLENDER_USER_RESOURCES", tempfile.mkdtemp(prefix="faceanything-blender-"))

_exit_status = 0


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _exit_status
    _exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Some versions of bpy hang or crash when the interpreter ends with classes registered: leave at once."""
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_status)
