"""The take: everything known about one performance, in memory and on disk."""
# SPDX-License-Identifier: GPL-3.0-or-later
