"""A face as a linear model: vertices = mean + modes @ coefficients, sampled at surface points."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..template import Template
from .neutral import at_rest


@dataclass(frozen=True)
class LinearModel:
    """C modes of V vertices; `modes` is laid out for sparse products."""

    mean: np.ndarray  # (V, 3) f4
    modes: np.ndarray  # (V, 3 * C) f4: columns run over modes first, then x, y, z

    @property
    def size(self) -> int:
        return self.modes.shape[1] // 3

    def sample(self, vertex: np.ndarray, bary: np.ndarray) -> Samples:
        """Mean and modes at M surface points given by (M, 3) vertices and weights."""
        from scipy.sparse import csr_matrix

        count = len(vertex)
        layout = (bary.astype(np.float32).ravel(), vertex.ravel(), np.arange(0, 3 * count + 1, 3))
        pick = csr_matrix(layout, shape=(count, len(self.mean)))
        modes = np.asarray(pick @ self.modes).reshape(count, 3, self.size)
        return Samples(np.asarray(pick @ self.mean), np.ascontiguousarray(modes.transpose(1, 0, 2)))


@dataclass(frozen=True)
class Samples:
    """A linear model at M surface points."""

    mean: np.ndarray  # (M, 3) f4
    modes: np.ndarray  # (3, M, C) f4

    def positions(self, coefficients: np.ndarray) -> np.ndarray:
        """(C,) -> (M, 3) head space."""
        return self.mean + (self.modes @ coefficients.astype(np.float32)).T

    def joined(self, other: Samples) -> Samples:
        return Samples(np.concatenate([self.mean, other.mean]), np.concatenate([self.modes, other.modes], axis=1))


def expression_model(template: Template, neutral: np.ndarray) -> LinearModel:
    """The actor's face: modes are the ARKit shapes."""
    return LinearModel(neutral.astype(np.float32), _layout(template.expressions))


def full_model(template: Template) -> LinearModel:
    """Anybody's face: modes are the ARKit shapes, then the identity modes. The mean face's lids lie on the eyeballs."""
    modes = np.concatenate([template.expressions, template.identity])
    return LinearModel(at_rest(template.vertices, template), _layout(modes))


def _layout(modes: np.ndarray) -> np.ndarray:
    """(C, V, 3) -> (V, 3 C) f4."""
    return np.ascontiguousarray(modes.transpose(1, 2, 0), np.float32).reshape(modes.shape[1], -1)
