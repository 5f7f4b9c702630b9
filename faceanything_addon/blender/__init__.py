"""Blender's side: panels, operators, preferences, scene building. The only room that imports bpy."""

# SPDX-License-Identifier: GPL-3.0-or-later
