"""Which naming do a character's keys follow?

Names are compared without case, separators and Blender's .001, and under the prefix and suffix that most of them share
(`blendShape1.`, `head_lod0_mesh__`).
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from .mapping import Mapping, Target
from .tables import NameTable, load_table, table_names

DUPLICATE = re.compile(r"\.\d{3}$")
SEPARATORS = re.compile(r"[\W_]+")
LONG_ENOUGH = 4  # letters; shorter names occur inside others by chance
VOTES = 3  # keys that must share a prefix or suffix before it is believed
SURE_ENOUGH, KEYS_ENOUGH = 0.2, 3  # of a table's coefficients driven; keys found


@dataclass(frozen=True)
class Recognition:
    """How well one table fits a character."""

    table: NameTable
    found: dict[str, str]  # key of the character -> key of the table
    confidence: float  # 0..1: share of the table's coefficients that reach the character
    missing: tuple[str, ...]  # keys of the table that the character lacks
    unknown: tuple[str, ...]  # keys of the character that the table lacks

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE_ENOUGH and len(self.found) >= KEYS_ENOUGH

    def mapping(self) -> Mapping:
        """The table's targets under the character's own names."""
        return Mapping(self.table.name, _driven(self.table, self.found))


def recognise(keys: Iterable[str]) -> Recognition:
    """The table that drives most of a character with these keys; look at `sure` before it is used."""
    return _recognise(tuple(keys))


@lru_cache(maxsize=32)  # the panel asks at every redraw
def _recognise(keys: tuple[str, ...]) -> Recognition:
    return max((match_table(load_table(name), keys) for name in table_names()), key=_rank)


def match_table(table: NameTable, keys: Sequence[str]) -> Recognition:
    """Fit one table to a character's keys."""
    index = _index(keys)
    wanted = {key: normal(key) for key in table.targets}
    matches = [_under(index, wanted, affix) for affix in _affixes(index, wanted)]
    found = max(matches, key=len)  # the first of equals: without prefix or suffix
    covered, possible = _sources(_driven(table, found)), _sources(table.targets)
    there = set(found.values())
    lacking = (key for key in table.targets if key not in there)
    missing = tuple(k for k in lacking if not covered.issuperset(_sources({k: table.targets[k]})))
    unknown = tuple(key for key in keys if key not in found)
    return Recognition(table, found, len(covered) / len(possible), missing, unknown)


def fit_mapping(wanted: Mapping | NameTable, keys: Sequence[str]) -> tuple[Mapping, tuple[str, ...]]:
    """A preset or a naming under the character's own names, and the keys of it that the character lacks."""
    if isinstance(wanted, NameTable):
        match = match_table(wanted, keys)
        return match.mapping(), match.missing
    index, targets, missing = _index(keys), {}, []
    for name, target in wanted.targets.items():
        key = name if name in keys else index.get(normal(name))
        if key is None:
            missing.append(name)
        else:
            targets[key] = target
    return replace(wanted, targets=targets), tuple(missing)


def normal(name: str) -> str:
    """A name without case, separators and Blender's number for duplicates."""
    return SEPARATORS.sub("", DUPLICATE.sub("", name).lower())


def _rank(match: Recognition) -> tuple[int, int, float, int]:
    """Most of the face driven first; then the most keys explained, the best share and the exact spelling."""
    driven = _driven(match.table, match.found)
    exact = sum(key.endswith(name) for key, name in match.found.items())
    return len(_sources(driven)), len(match.found), match.confidence, exact


def _driven(table: NameTable, found: dict[str, str]) -> dict[str, Target]:
    """Targets by the character's keys, without those that another key makes superfluous."""
    there = set(found.values())
    return {key: table.targets[name] for key, name in found.items() if not there.intersection(table.unless[name])}


def _sources(targets: dict[str, Target]) -> set[str]:
    return {source for target in targets.values() for source, _ in target.sources}


def _index(keys: Sequence[str]) -> dict[str, str]:
    """Normal name -> key; of equals the first."""
    return {normal(key): key for key in reversed(keys)}


def _affixes(index: dict[str, str], wanted: dict[str, str]) -> list[tuple[str, str]]:
    """(prefix, suffix) worth a try: none, and the three that occur with most names."""
    votes: Counter[tuple[str, str]] = Counter()
    for name in set(wanted.values()):
        if len(name) < LONG_ENOUGH:
            continue
        votes.update({(a, c) for a, b, c in (key.partition(name) for key in index) if b and (a or c)})
    return [("", ""), *(affix for affix, count in votes.most_common(3) if count >= VOTES)]


def _under(index: dict[str, str], wanted: dict[str, str], affix: tuple[str, str]) -> dict[str, str]:
    """Keys that are found when all names carry this prefix and suffix: key of the character -> key of the table."""
    prefix, suffix = affix
    found = {}
    for name, plain in wanted.items():
        key = index.get(prefix + plain + suffix)
        if key is not None:
            found[key] = name
    return found
