"""Helpers that make real files for the tests."""

# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

toy_worker_path = Path(__file__).resolve().with_name("toy_worker.py")
