"""Stages in which the embedded network's depth counts as the full-size network's does."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from faceanything_addon.jobs.clip import Stages


def with_depth(stages: Stages) -> Stages:
    """The same, the embedded network's depth taken at its word."""
    return replace(stages, observe=lambda maps, template: stages.observe(replace(maps, depth_known=True), template))
