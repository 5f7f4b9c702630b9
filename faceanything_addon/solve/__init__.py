"""ARKit coefficients, gaze and filters over time."""

# SPDX-License-Identifier: GPL-3.0-or-later
