"""What a panel draws, without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from types import SimpleNamespace


class Drawn:
    """Stands for a layout, which only an interface has; notes what is drawn."""

    def __init__(self):
        self.seen = []

    def __getattr__(self, name):
        if name in ("column", "row", "box"):
            return lambda **_: self

        def note(*names, **more):
            self.seen.append(names[-1] if names else more["text"])
            return SimpleNamespace()  # a button's settings

        return note
