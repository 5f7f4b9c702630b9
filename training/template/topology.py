"""The skin of half a head as quads: a grid round the head with ring patches (O-grids) at eye, mouth and ear.

Columns run from the front midline (0) to the back midline, rows from the neck up to a crown that a square patch
closes. A block of cells is cut out for each feature and replaced by closed rings of quads, so that edge loops run
round it. Vertices are named by keys until they are numbered.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, field

Key = tuple

COLUMNS, ROWS = 36, 48
CROWN_HALF_WIDTH = 9  # the crown patch spans 2 * 9 columns across and the rest from front to back


@dataclass(frozen=True)
class Block:
    """Cells [c0, c1) x [r0, r1) replaced by `rings` closed rings; `cap` fills the innermost one with a grid."""

    name: str
    c0: int
    c1: int
    r0: int
    r1: int
    rings: int
    cap: bool

    def border(self) -> list[tuple[int, int]]:
        """Grid points round the block, counter-clockwise from (c0, r0); open along column 0 for the mouth."""
        bottom = [(c, self.r0) for c in range(self.c0, self.c1)]
        right = [(self.c1, r) for r in range(self.r0, self.r1)]
        top = [(c, self.r1) for c in range(self.c1, self.c0, -1)]
        if self.open:
            return [*bottom, *right, *top, (self.c0, self.r1)]
        return [*bottom, *right, *top, *[(self.c0, r) for r in range(self.r1, self.r0, -1)]]

    @property
    def open(self) -> bool:
        """Cut in two by the midline."""
        return self.c0 == 0


MOUTH = Block("mouth", 0, 11, 14, 22, 8, cap=False)
EYE = Block("eye", 5, 15, 32, 40, 7, cap=False)
EAR = Block("ear", 19, 25, 20, 34, 9, cap=True)
CHIN_ROW, NOSE_TIP_ROW, NASION_ROW = 10, 28, 36  # on the front midline
NOSE_COLUMNS, NOSE_ROWS = 8, (22, 33)  # keep the head model's density
VERMILION, CONTACT = 4, 7  # rings of the mouth: border of the lips, where the lips meet
STILL_RINGS = {"mouth": 4, "eye": 4}  # from here inwards rings follow the head model's own folds
BLOCKS = (MOUTH, EYE, EAR)
BAG = Block("mouth", 0, 11, 14, 22, 13, cap=True)  # goes on from the lips inwards
SOCKET = Block("eye", 5, 15, 32, 40, 10, cap=False)  # goes on behind the lids


@dataclass
class HalfTopology:
    """Quads over keys, counter-clockwise from outside."""

    quads: list[tuple[Key, Key, Key, Key]] = field(default_factory=list)

    def keys(self) -> list[Key]:
        return list(dict.fromkeys(k for q in self.quads for k in q))


def grid_key(c: int, r: int) -> Key:
    """A grid point; those on the rim of the crown patch are its own."""
    return ("grid", c, r)


def ring_key(block: Block, ring: int, i: int) -> Key:
    """Point i of a ring; ring 0 is the block's border on the grid."""
    border = block.border()
    if not block.open:
        i %= len(border)
    return grid_key(*border[i]) if ring == 0 else (block.name, ring, i)


def ring_length(block: Block) -> int:
    """Edges of one ring."""
    n = len(block.border())
    return n - 1 if block.open else n


def build_half() -> HalfTopology:
    """The subject's left half."""
    half = HalfTopology()
    add_grid(half)
    for block in BLOCKS:
        add_rings(half, block)
        if block.cap:
            add_cap(half, block)
    add_crown(half)
    return half


def add_grid(half: HalfTopology) -> None:
    for r in range(ROWS):
        for c in range(COLUMNS):
            if not any(b.c0 <= c < b.c1 and b.r0 <= r < b.r1 for b in BLOCKS):
                half.quads.append((grid_key(c, r), grid_key(c + 1, r), grid_key(c + 1, r + 1), grid_key(c, r + 1)))


def build_inside() -> HalfTopology:
    """Inside of the mouth and of the lids, from the skin's innermost rings on."""
    half = HalfTopology()
    add_rings(half, BAG, MOUTH.rings)
    add_cap(half, BAG)
    add_rings(half, SOCKET, EYE.rings)
    return half


def add_rings(half: HalfTopology, block: Block, first: int = 0) -> None:
    for ring in range(first, block.rings):
        for i in range(ring_length(block)):
            half.quads.append(
                (
                    ring_key(block, ring, i),
                    ring_key(block, ring, i + 1),
                    ring_key(block, ring + 1, i + 1),
                    ring_key(block, ring + 1, i),
                )
            )


def cap_key(block: Block, c: int, r: int) -> Key:
    """Grid point inside the innermost ring."""
    on_rim = c in (block.c0, block.c1) or r in (block.r0, block.r1)
    if block.open and c == 0 and block.r0 < r < block.r1:
        on_rim = False
    if on_rim:
        return ring_key(block, block.rings, block.border().index((c, r)))
    return (block.name + "_cap", c, r)


def add_cap(half: HalfTopology, block: Block) -> None:
    for r in range(block.r0, block.r1):
        for c in range(block.c0, block.c1):
            low = cap_key(block, c, r), cap_key(block, c + 1, r)
            high = cap_key(block, c + 1, r + 1), cap_key(block, c, r + 1)
            half.quads.append((*low, *high))


def crown_key(i: int, j: int) -> Key:
    """Crown patch: i away from the midline, j from front to back."""
    depth = COLUMNS - 2 * CROWN_HALF_WIDTH
    if j == 0:
        return grid_key(i, ROWS)
    if i == CROWN_HALF_WIDTH:
        return grid_key(CROWN_HALF_WIDTH + j, ROWS)
    if j == depth:
        return grid_key(COLUMNS - i, ROWS)
    return ("crown", i, j)


def add_crown(half: HalfTopology) -> None:
    for j in range(COLUMNS - 2 * CROWN_HALF_WIDTH):
        for i in range(CROWN_HALF_WIDTH):
            half.quads.append((crown_key(i, j), crown_key(i + 1, j), crown_key(i + 1, j + 1), crown_key(i, j + 1)))


def front_midline() -> list[Key]:
    """Keys on the midline from the neck's front up to the lower lip's inner edge, then from the upper lip's to the
    crown's rim. The mouth splits it."""
    lower = [grid_key(0, r) for r in range(MOUTH.r0)] + [ring_key(MOUTH, k, 0) for k in range(MOUTH.rings + 1)]
    end = ring_length(MOUTH)
    upper = [ring_key(MOUTH, k, end) for k in range(MOUTH.rings, -1, -1)]
    return lower + upper + [grid_key(0, r) for r in range(MOUTH.r1 + 1, ROWS + 1)]


def back_midline() -> list[Key]:
    """Keys on the midline from the neck's back up and over the crown to its front rim, rim excluded."""
    depth = COLUMNS - 2 * CROWN_HALF_WIDTH
    up = [grid_key(COLUMNS, r) for r in range(ROWS)]
    return up + [crown_key(0, j) for j in range(depth, 0, -1)]
