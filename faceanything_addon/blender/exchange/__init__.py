"""Takes in the files that only Blender can write: Alembic, USD, glTF and FBX."""

# SPDX-License-Identifier: GPL-3.0-or-later
