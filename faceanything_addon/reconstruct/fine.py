"""The fine residual: what pixels show beyond identity and expression, as smooth waves over the skin."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..template import Part, Template
from .per_template import per_template
from .track import FrameState

WAVES = 120
SIZE = 0.0015  # metres, one standard deviation of the whole residual where it is free
ROUGHNESS = 0.012  # metres: waves shorter than this are damped more and more
BACK_MASS = 0.02  # of the back of the head, relative to the face: few waves are spent there
TOLERANCE = 3.0


@dataclass(frozen=True)
class Waves:
    """Smooth basis of displacements: generalised eigenvectors of the mesh Laplacian."""

    basis: np.ndarray  # (V, R) f4, 0 off the skin; unit root mean square over the face
    precision: np.ndarray  # (R,) f8 prior, 1 / metres^2


@per_template
def template_waves(template: Template) -> Waves:
    """The lowest WAVES eigenvectors of L u = k M u on the skin (B. Vallet and B. Levy, Spectral geometry processing
    with manifold harmonics, Eurographics 2008), with the mass of the back of the head reduced."""
    from scipy.sparse.linalg import eigsh

    skin = np.flatnonzero(template.part == Part.SKIN)
    stiffness, mass = _laplacian(template, skin)
    face = _face_weight(template.vertices[skin])
    mass = mass.multiply(BACK_MASS + face).tocsc()
    wanted = min(WAVES, len(skin) - 2)
    start = np.ones(len(skin))
    eigenvalue, vector = eigsh(stiffness.tocsc(), wanted, mass, sigma=-1.0, which="LM", v0=start)
    basis = vector * face[:, None]
    power = np.sqrt((vector**2 * face[:, None]).sum(axis=0) / face.sum())
    basis /= np.maximum(power, 1e-12)
    spread = 1 / (1 + np.maximum(eigenvalue, 0) * ROUGHNESS**2) ** 2
    variance = SIZE**2 * spread / spread.sum()
    full = np.zeros((len(template.vertices), wanted), np.float32)
    full[skin] = basis
    return Waves(full, 1 / variance)


def _face_weight(vertices: np.ndarray) -> np.ndarray:
    """(N,) 1 on the face, falling to 0 behind the ears and below the chin."""
    behind = np.clip((vertices[:, 2] + 0.09) / 0.05, 0, 1)
    below = np.clip((vertices[:, 1] + 0.17) / 0.05, 0, 1)
    return behind * below


def _laplacian(template: Template, skin: np.ndarray):
    """Stiffness (cotangent weights) and lumped mass of the skin, both sparse (N, N)."""
    from scipy.sparse import coo_matrix, diags

    number = np.full(len(template.vertices), -1)
    number[skin] = np.arange(len(skin))
    triangles = number[template.triangles]
    triangles = triangles[(triangles >= 0).all(axis=1)]
    x = template.vertices[skin].astype(np.float64)
    rows, columns, values, mass = [], [], [], np.zeros(len(skin))
    edges = x[triangles[:, 1:]] - x[triangles[:, :1]]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)  # twice the area
    for corner in range(3):
        a, b, c = triangles[:, corner], triangles[:, (corner + 1) % 3], triangles[:, (corner + 2) % 3]
        cotangent = np.einsum("ij,ij->i", x[b] - x[a], x[c] - x[a]) / np.maximum(area, 1e-12)
        half = np.clip(cotangent, 0.02, 10) / 2
        rows += [b, c, b, c]
        columns += [c, b, b, c]
        values += [-half, -half, half, half]
        np.add.at(mass, a, area / 6)
    shape = (len(skin), len(skin))
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(entries, shape=shape).tocsr(), diags(np.maximum(mass, 1e-10))


def fit_residual(state: FrameState, waves: Waves, focal: float) -> np.ndarray:
    """Coefficients (R, 3), metres in head space, of the pixels' left-over shift.

    A pixel shows the shift across its line of sight only. Taking that as the whole shift, with none along the line of
    sight, decouples the three axes: one small matrix, three right-hand sides.
    """
    seen = state.seen
    usable = np.flatnonzero(seen.share > 0)
    metres = state.pose.shift[2] / focal
    sideways = state.residual[usable] * metres
    sigma = seen.sigma[usable] * metres
    off = (sideways**2).sum(axis=1) / (TOLERANCE * sigma) ** 2
    weight = seen.share[usable] * state.weight[usable] / sigma**2 / (1 + off) ** 2
    rows = np.einsum("mk,mkr->mr", seen.bary[usable], waves.basis[seen.vertex[usable]])
    shift = sideways @ state.pose.rotation[:2]  # camera x and y -> head axes
    weighted = rows * weight[:, None].astype(np.float32)
    system = (weighted.T @ rows).astype(np.float64) + np.diag(waves.precision)
    return np.linalg.solve(system, weighted.T @ shift).astype(np.float32)
