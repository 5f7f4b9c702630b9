"""Makes the canonical face: own topology, laid over the mean head and filled with what the head models teach."""
# SPDX-License-Identifier: GPL-3.0-or-later
