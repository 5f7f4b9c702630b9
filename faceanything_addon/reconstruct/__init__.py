"""From face maps to the frames of a take."""

# SPDX-License-Identifier: GPL-3.0-or-later
