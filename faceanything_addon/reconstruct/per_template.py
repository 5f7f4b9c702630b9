"""Tables that are made once per template and kept."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import finalize

from ..template import Template

T = TypeVar("T")


def per_template(make: Callable[[Template], T]) -> Callable[[Template], T]:
    """Remember make(template) as long as that template lives.

    functools.lru_cache does not do: a template is compared by its arrays and so cannot be hashed.
    """
    known: dict[int, T] = {}

    @wraps(make)
    def remembered(template: Template) -> T:
        key = id(template)
        if key not in known:
            known[key] = make(template)
            finalize(template, known.pop, key, None)
        return known[key]

    return remembered
