"""Training: synthetic data, networks, evaluation. Not part of the extension."""

# SPDX-License-Identifier: GPL-3.0-or-later
