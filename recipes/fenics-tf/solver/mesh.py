"""The mesh: an O-grid around the cylinder and a Cartesian block in its wake, cut into triangles.

Made with numpy alone, so the same case gives the same vertices and cells, in the same order, on every machine.
"""

from typing import List, Tuple

import numpy as np

from case import Case

WALLS, INLET, OUTLET, CYLINDER = 1, 2, 3, 4
RADIAL_STRETCH = 1.6
WAKE_STRETCH = 1.5


def graded(cells: int, stretch: float) -> np.ndarray:
    """Points of [0, 1] whose spacing grows with the power `stretch`: cells + 1 of them."""
    return np.linspace(0.0, 1.0, cells + 1) ** stretch


def box_perimeter(case: Case) -> np.ndarray:
    """Points of the O-grid's outer box, counter-clockwise from its lower right corner: 4 * side_cells of them."""
    corners = np.array([
        [case.x_box, case.y_bottom], [case.x_box, case.y_top], [case.x_in, case.y_top], [case.x_in, case.y_bottom],
    ])
    along = np.linspace(0.0, 1.0, case.side_cells, endpoint=False)[:, None]
    sides = [start + along * (end - start) for start, end in zip(corners, np.roll(corners, -1, axis=0))]
    return np.concatenate(sides)


def triangulate(case: Case) -> Tuple[np.ndarray, np.ndarray]:
    """The vertices, float (n, 2), and the triangles, int (m, 3), counter-clockwise, of the case's channel."""
    n = 4 * case.side_cells
    outer = box_perimeter(case)
    angles = -np.pi / 4 + 2 * np.pi * np.arange(n) / n
    inner = case.radius * np.column_stack([np.cos(angles), np.sin(angles)])
    rings = [inner + s * (outer - inner) for s in graded(case.layers, RADIAL_STRETCH)]
    quads = [
        (ring * n + i, (ring + 1) * n + i, (ring + 1) * n + (i + 1) % n, ring * n + (i + 1) % n)
        for ring in range(case.layers) for i in range(n)
    ]

    columns = [np.arange(case.side_cells + 1) + case.layers * n]
    blocks: List[np.ndarray] = [*rings]
    count = (case.layers + 1) * n
    right_side = outer[: case.side_cells + 1]
    for s in graded(case.wake_cells, WAKE_STRETCH)[1:]:
        x = case.x_box + s * (case.x_out - case.x_box)
        blocks.append(np.column_stack([np.full(len(right_side), x), right_side[:, 1]]))
        columns.append(np.arange(count, count + len(right_side)))
        count += len(right_side)
    for left, right in zip(columns, columns[1:]):
        quads.extend((left[j], right[j], right[j + 1], left[j + 1]) for j in range(case.side_cells))

    vertices = np.concatenate(blocks)
    return vertices, np.array([triangle for quad in quads for triangle in halves(vertices, quad)], dtype=np.int64)


def halves(vertices: np.ndarray, quad: Tuple[int, int, int, int]) -> List[Tuple[int, int, int]]:
    """The two triangles of a quadrilateral, cut along its shorter diagonal."""
    a, b, c, d = (int(i) for i in quad)
    first, second = vertices[a] - vertices[c], vertices[b] - vertices[d]
    if first @ first <= second @ second * (1 + 1e-9):
        return [(a, b, c), (a, c, d)]
    return [(a, b, d), (b, c, d)]


def build_mesh(case: Case) -> "dolfin.Mesh":  # noqa: F821
    """The case's dolfin mesh."""
    import dolfin

    vertices, triangles = triangulate(case)
    mesh = dolfin.Mesh(dolfin.MPI.comm_self)
    editor = dolfin.MeshEditor()
    editor.open(mesh, "triangle", 2, 2)
    editor.init_vertices(len(vertices))
    editor.init_cells(len(triangles))
    for i, vertex in enumerate(vertices):
        editor.add_vertex(i, vertex)
    for i, triangle in enumerate(triangles):
        editor.add_cell(i, triangle)
    editor.close()
    return mesh


def mark_boundaries(mesh: "dolfin.Mesh", case: Case) -> "dolfin.MeshFunction":  # noqa: F821
    """Marks each boundary facet WALLS, INLET, OUTLET or CYLINDER, and every inner facet 0."""
    import dolfin

    mesh.init(1, 2)
    markers = dolfin.MeshFunction("size_t", mesh, 1, 0)
    for facet in dolfin.facets(mesh):
        if not facet.exterior():
            continue
        x, y = facet.midpoint().x(), facet.midpoint().y()
        if dolfin.near(x, case.x_in):
            markers[facet] = INLET
        elif dolfin.near(x, case.x_out):
            markers[facet] = OUTLET
        elif np.hypot(x, y) < 2 * case.radius:
            markers[facet] = CYLINDER
        else:
            markers[facet] = WALLS
    return markers
