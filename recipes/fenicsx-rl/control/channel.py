"""The mesh: an O-grid around the cylinder and a Cartesian block in its wake, cut into triangles.

Made with numpy alone, so the same case gives the same vertices and cells, in the same order, on every machine.
"""

import numpy as np

from case import Case

WALLS, INLET, OUTLET, CYLINDER = 1, 2, 3, 4
RADIAL_STRETCH = 1.6
WAKE_STRETCH = 1.5


def triangulate(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The vertices, float (n, 2), and the triangles, int (m, 3), of the case's channel."""
    outer = box_perimeter(case)
    n = len(outer)
    angles = -np.pi / 4 + 2 * np.pi * np.arange(n) / n
    inner = case.radius * np.column_stack([np.cos(angles), np.sin(angles)])
    rings = [inner + s * (outer - inner) for s in graded(case.layers, RADIAL_STRETCH)]
    quads = [
        (ring * n + i, (ring + 1) * n + i, (ring + 1) * n + (i + 1) % n, ring * n + (i + 1) % n)
        for ring in range(case.layers)
        for i in range(n)
    ]

    # the right side of the box, and its copies downstream
    height = case.side_cells + 1
    side = outer[:height]
    stations = [
        np.column_stack([np.full(height, case.x_box + s * (case.x_out - case.x_box)), side[:, 1]])
        for s in graded(case.wake_cells, WAKE_STRETCH)[1:]
    ]
    first = (case.layers + 1) * n
    columns = [case.layers * n + np.arange(height)]
    columns += [first + height * k + np.arange(height) for k in range(case.wake_cells)]
    for left, right in zip(columns, columns[1:]):
        quads.extend((left[j], right[j], right[j + 1], left[j + 1]) for j in range(case.side_cells))

    vertices = np.concatenate(rings + stations)
    return vertices, np.array([half for quad in quads for half in halves(vertices, quad)], dtype=np.int64)


def graded(cells: int, stretch: float) -> np.ndarray:
    """Points of [0, 1] whose spacing grows with the power `stretch`: cells + 1 of them."""
    return np.linspace(0.0, 1.0, cells + 1) ** stretch


def box_perimeter(case: Case) -> np.ndarray:
    """Points of the O-grid's outer box, counter-clockwise from its lower right corner: 4 * side_cells of them."""
    left, right, bottom, top = case.x_in, case.x_box, case.y_bottom, case.y_top
    corners = np.array([[right, bottom], [right, top], [left, top], [left, bottom]])
    along = np.linspace(0.0, 1.0, case.side_cells, endpoint=False)[:, None]
    return np.concatenate([a + along * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0))])


def halves(vertices: np.ndarray, quad: tuple) -> list[tuple[int, int, int]]:
    """The two triangles of a quadrilateral, cut along its shorter diagonal."""
    a, b, c, d = (int(i) for i in quad)
    first, second = vertices[a] - vertices[c], vertices[b] - vertices[d]
    if first @ first <= second @ second * (1 + 1e-9):
        return [(a, b, c), (a, c, d)]
    return [(a, b, d), (b, c, d)]


def boundary_of(midpoints: np.ndarray, case: Case) -> np.ndarray:
    """WALLS, INLET, OUTLET or CYLINDER, for each midpoint (n, 2) of a boundary facet."""
    x, y = midpoints[:, 0], midpoints[:, 1]
    tags = np.full(len(midpoints), WALLS, dtype=np.int32)
    tags[np.isclose(x, case.x_in)] = INLET
    tags[np.isclose(x, case.x_out)] = OUTLET
    tags[np.hypot(x, y) < 2 * case.radius] = CYLINDER
    return tags
