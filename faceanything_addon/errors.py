"""The one exception a user is meant to read."""

# SPDX-License-Identifier: GPL-3.0-or-later


class UserError(Exception):
    """Something the user can cure: one clear line that names the file and the cure.

    The command line prints it and exits with 2; Blender reports it. Never a traceback.
    """
