"""Sizes of the full-size network and its smaller relatives."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class HeadConfig:
    """A DPT head."""

    features: int = 256  # channels of the fusion chain
    stages: tuple[int, int, int, int] = (256, 512, 1024, 1024)  # channels of each tap before fusion
    outputs: int = 2


@dataclass(frozen=True)
class NetworkConfig:
    """One network; the defaults are the released one (1.24 G parameters).

    Blocks before `alternate_from` let each view attend to itself; from there on odd blocks attend over all views.
    """

    dim: int = 1536
    depth: int = 40
    heads: int = 24
    hidden: int = 4096  # of the feed-forward part
    swiglu: bool = True  # False: plain MLP with exact GELU
    patch: int = 14  # pixels
    table_side: int = 37  # patches; the position table was trained on table_side x table_side
    alternate_from: int = 13
    normalise_qk_from: int = 13
    rotate_from: int = 13
    rotary_base: float = 100.0
    taps: tuple[int, ...] = (19, 27, 33, 39)  # the heads see the stream after these blocks
    depth_head: HeadConfig = HeadConfig()
    canonical_head: HeadConfig = HeadConfig(outputs=4)

    @property
    def tap_dim(self) -> int:
        """Channels of a tap: the last local stream beside the present one."""
        return 2 * self.dim

    def is_global(self, block: int) -> bool:
        """Whether a block attends over all views."""
        return block >= self.alternate_from and block % 2 == 1


GIANT = NetworkConfig()
# The smallest relative, for tests of real proportions.
SMALL = NetworkConfig(
    dim=384,
    depth=12,
    heads=6,
    hidden=1536,
    swiglu=False,
    alternate_from=4,
    normalise_qk_from=4,
    rotate_from=4,
    taps=(5, 7, 9, 11),
    depth_head=HeadConfig(64, (48, 96, 192, 384), 2),
    canonical_head=HeadConfig(64, (48, 96, 192, 384), 4),
)

# Names in the description of a published configuration -> ours.
PUBLISHED = {
    "embed_dim": "dim",
    "depth": "depth",
    "num_heads": "heads",
    "ffn_hidden": "hidden",
    "patch_size": "patch",
    "pos_embed_grid": "table_side",
    "alt_start": "alternate_from",
    "qknorm_start": "normalise_qk_from",
    "rope_start": "rotate_from",
    "rope_base": "rotary_base",
}


def from_published(description: dict[str, Any]) -> NetworkConfig:
    """A configuration from its published description.

    Raises:
        KeyError: an entry is missing.
        ValueError: it asks for something this network has not.
    """
    heads = description["head"], description["canonical_head"]
    built = description.get("cat_token", True), heads[0].get("uv_embed", True), heads[1].get("uv_embed", False)
    if built != (True, True, False) or description["ffn"] not in ("swiglu", "mlp_gelu"):
        raise ValueError("an option that is not built in")
    return NetworkConfig(
        **{ours: description[theirs] for theirs, ours in PUBLISHED.items()},
        swiglu=description["ffn"] == "swiglu",
        taps=tuple(description["out_layers"]),
        depth_head=_head(heads[0]),
        canonical_head=_head(heads[1]),
    )


def _head(description: dict[str, Any]) -> HeadConfig:
    stages = description["out_channels"]
    return HeadConfig(description["features"], tuple(stages), description["output_dim"])


def to_json(config: NetworkConfig) -> dict[str, Any]:
    """A configuration as plain values; `from_json` reads it back."""
    return asdict(config)


def from_json(data: dict[str, Any]) -> NetworkConfig:
    """The configuration that `to_json` wrote.

    Raises:
        KeyError, TypeError: it is not one.
    """
    heads = {
        name: HeadConfig(**{**data[name], "stages": tuple(data[name]["stages"])})
        for name in ("depth_head", "canonical_head")
    }
    return NetworkConfig(**{**data, "taps": tuple(data["taps"]), **heads})
