"""Files of other tools."""

# SPDX-License-Identifier: GPL-3.0-or-later
