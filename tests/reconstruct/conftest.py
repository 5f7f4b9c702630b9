"""One simulated performance, fitted once for all tests."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from faceanything_addon.template import Template, load_template
from faceanything_addon.template.template import TEMPLATE_FILE

from .performance import Fitted, fit_performance, talking


@pytest.fixture(scope="session")
def template() -> Template:
    if not TEMPLATE_FILE.exists():
        pytest.skip("the face template is not built")
    return load_template()


@pytest.fixture(scope="session")
def talk(template: Template) -> Fitted:
    """A talking, blinking, turning head, with a network's usual errors and an occluder for 20 frames."""
    return fit_performance(talking(template))
