"""Face Anything for Blender: markerless facial capture from ordinary video.

Importable without Blender; `register` and `unregister` need it.
"""

# SPDX-License-Identifier: GPL-3.0-or-later


def register() -> None:
    from .blender import registration

    registration.register()


def unregister() -> None:
    from .blender import registration

    registration.unregister()
