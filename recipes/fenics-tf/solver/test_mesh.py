"""The mesh: it fills the channel less the cylinder, without gaps, overlaps or slivers, and is always the same."""

import hashlib
import unittest
from collections import Counter

import numpy as np

from case import Case
from mesh import triangulate

CASE = Case()


class MeshTest(unittest.TestCase):
    def setUp(self) -> None:
        self.vertices, self.triangles = triangulate(CASE)
        a, b, c = (self.vertices[self.triangles[:, i]] for i in range(3))
        self.areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
        self.sides = np.stack([np.hypot(*(p - q).T) for p, q in ((a, b), (b, c), (c, a))])

    def test_every_triangle_is_counter_clockwise_and_no_sliver(self) -> None:
        quality = 4 * np.sqrt(3) * self.areas / (self.sides**2).sum(axis=0)  # 1 for an equilateral triangle
        self.assertGreater(quality.min(), 0.3)

    def test_the_areas_add_up_to_the_channel_less_the_cylinder(self) -> None:
        n = 4 * CASE.side_cells
        cylinder = n / 2 * CASE.radius**2 * np.sin(2 * np.pi / n)
        channel = (CASE.x_out - CASE.x_in) * (CASE.y_top - CASE.y_bottom)
        self.assertAlmostEqual(self.areas.sum(), channel - cylinder, places=10)

    def test_every_edge_belongs_to_two_triangles_or_the_boundary(self) -> None:
        edges = Counter(
            tuple(sorted((int(t[i]), int(t[(i + 1) % 3])))) for t in self.triangles for i in range(3))
        self.assertEqual(set(edges.values()), {1, 2})
        for edge, count in edges.items():
            x, y = self.vertices[list(edge)].mean(axis=0)
            near = [abs(x - CASE.x_in), abs(x - CASE.x_out), abs(y - CASE.y_bottom), abs(y - CASE.y_top)]
            on_boundary = min(near) < 1e-9 or np.hypot(x, y) < CASE.radius
            self.assertEqual(count == 1, on_boundary, (x, y))

    def test_every_vertex_is_used_once_and_stands_alone(self) -> None:
        self.assertEqual(sorted(set(self.triangles.ravel().tolist())), list(range(len(self.vertices))))
        self.assertEqual(len({tuple(v) for v in self.vertices.round(9).tolist()}), len(self.vertices))

    def test_the_same_case_gives_the_same_bytes(self) -> None:
        def digest() -> str:
            vertices, triangles = triangulate(Case())
            return hashlib.sha256(vertices.tobytes() + triangles.tobytes()).hexdigest()

        self.assertEqual(digest(), digest())


if __name__ == "__main__":
    unittest.main()
