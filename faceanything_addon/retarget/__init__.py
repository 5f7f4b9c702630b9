"""Transfer to characters that already have shape keys: whose names they carry, and what drives which key."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .mapping import Mapping, Target, mirrored_target, opposite_key
from .preset import chosen_mapping, describe_mapping, load_preset, parse_mapping, save_preset
from .recognise import Recognition, fit_mapping, recognise
from .tables import NameTable, load_table, table_names

__all__ = [
    "Mapping",
    "NameTable",
    "Recognition",
    "Target",
    "chosen_mapping",
    "describe_mapping",
    "fit_mapping",
    "load_preset",
    "load_table",
    "mirrored_target",
    "opposite_key",
    "parse_mapping",
    "recognise",
    "save_preset",
    "table_names",
]
