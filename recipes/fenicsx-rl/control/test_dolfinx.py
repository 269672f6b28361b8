"""dolfinx itself, compiler included: Poisson's equation against a known solution."""

import unittest

import ufl
from dolfinx import fem, mesh
from dolfinx.fem.petsc import LinearProblem
from mpi4py import MPI


class DolfinxTest(unittest.TestCase):
    def test_converges_to_the_known_solution(self) -> None:
        """P2 elements: with half the mesh size an eighth of the error."""
        coarse, fine = error_of(8), error_of(16)
        self.assertLess(fine, 1e-4)
        self.assertAlmostEqual(coarse / fine, 8, delta=0.8)


def error_of(cells: int) -> float:
    """The L2 error of -laplace u = f on the unit square, where u is sin(pi x) sin(pi y)."""
    square = mesh.create_unit_square(MPI.COMM_SELF, cells, cells)
    space = fem.functionspace(square, ("Lagrange", 2))
    u, v, x = ufl.TrialFunction(space), ufl.TestFunction(space), ufl.SpatialCoordinate(square)
    known = ufl.sin(ufl.pi * x[0]) * ufl.sin(ufl.pi * x[1])
    square.topology.create_connectivity(1, 2)
    edge = fem.locate_dofs_topological(space, 1, mesh.exterior_facet_indices(square.topology))
    bilinear = ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx
    linear = 2 * ufl.pi**2 * known * v * ufl.dx
    options = {"ksp_type": "preonly", "pc_type": "lu"}
    found = LinearProblem(bilinear, linear, [fem.dirichletbc(0.0, edge, space)], petsc_options=options).solve()
    return fem.assemble_scalar(fem.form((found - known) ** 2 * ufl.dx)) ** 0.5


if __name__ == "__main__":
    unittest.main()
