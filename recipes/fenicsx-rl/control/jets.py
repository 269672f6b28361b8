"""What is prescribed at the boundary: the inflow, and the velocity of the two jets on the cylinder."""

import numpy as np

from case import Case


def inflow_profile(points: np.ndarray, case: Case) -> np.ndarray:
    """The parabolic inflow of mean velocity 1, at (n, 2) points: (n, 2)."""
    y = points[:, 1]
    speed = 6.0 * (y - case.y_bottom) * (case.y_top - y) / (case.y_top - case.y_bottom) ** 2
    return np.column_stack([speed, np.zeros_like(speed)])


def jet_profile(points: np.ndarray, case: Case) -> np.ndarray:
    """The jets' velocity at (n, 2) points when the upper one blows a unit flux and the lower one sucks it: (n, 2).

    Radial, and a cosine arch of the angle over each jet's width, so that it is continuous with the no-slip wall.
    Integrated over a jet's arc the normal velocity gives 1 (up to the mesh's resolution). Zero elsewhere.
    """
    width = np.radians(case.jet_width_degrees)
    angle = np.arctan2(points[:, 1], points[:, 0])
    speed = np.zeros(len(points))
    for centre, sign in ((np.pi / 2, 1.0), (-np.pi / 2, -1.0)):
        offset = angle - centre
        inside = np.abs(offset) <= width / 2
        speed[inside] += sign * np.cos(np.pi * offset[inside] / width)
    speed *= np.pi / (2.0 * width * case.radius)
    return points * (speed / np.hypot(points[:, 0], points[:, 1]))[:, None]
