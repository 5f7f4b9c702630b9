# SPDX-License-Identifier: GPL-3.0-or-later
from .faceanything_addon import register, unregister  # noqa: F401
