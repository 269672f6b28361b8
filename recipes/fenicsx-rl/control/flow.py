"""The incompressible Navier-Stokes equations, solved by an incremental pressure correction scheme (IPCS).

    du/dt + (u . grad) u = -grad p + nu laplace u,    div u = 0

Taylor-Hood elements (P2 velocity, P1 pressure); second-order Adams-Bashforth for convection, Crank-Nicolson for
diffusion. dolfinx assembles. All matrices are constant, so each is factorised once; a time step assembles convection
only. Both components of the velocity have the same matrix, so they are columns of one array.
"""

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import SuperLU, splu

from case import Case
from jets import inflow_profile, jet_profile
from channel import CYLINDER, OUTLET, boundary_of, triangulate

DIVERGED = 1e3  # a force coefficient no flow of this case comes near; a comparison with it is false for NaN, too
AXES = ((1.0, 0.0), (0.0, 1.0))


class FlowDiverged(ArithmeticError):
    """The flow has left every physical range: the time step is too long for the velocities."""


class Flow:
    """The flow of one case, advanced one time step at a time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        vertices, triangles = triangulate(case)
        plane = ufl.Mesh(basix.ufl.element("Lagrange", "triangle", 1, shape=(2,)))
        self.mesh = mesh.create_mesh(MPI.COMM_SELF, triangles, vertices, plane)
        self.velocity_space = fem.functionspace(self.mesh, ("Lagrange", 2))  # of one component
        self.pressure_space = fem.functionspace(self.mesh, ("Lagrange", 1))
        self._mark()
        self._assemble()
        self.restore(np.zeros((self._fixed.size, 2)), np.zeros((self._fixed.size, 2)), np.zeros(self._outlet.size))

    def _mark(self) -> None:
        """Finds the boundaries, and what the velocity is there."""
        case, domain = self.case, self.mesh
        domain.topology.create_connectivity(1, 2)
        facets = mesh.exterior_facet_indices(domain.topology)
        tags = boundary_of(mesh.compute_midpoints(domain, 1, facets)[:, :2], case)
        self._ds = ufl.Measure("ds", domain, subdomain_data=mesh.meshtags(domain, 1, facets, tags))

        def nodes(space: fem.FunctionSpace, chosen: np.ndarray) -> np.ndarray:
            mask = np.zeros(space.dofmap.index_map.size_local, dtype=bool)
            mask[fem.locate_dofs_topological(space, 1, facets[chosen])] = True
            return mask

        points = self.velocity_space.tabulate_dof_coordinates()[:, :2]
        self._fixed = nodes(self.velocity_space, tags != OUTLET)
        self._outlet = nodes(self.pressure_space, tags == OUTLET)
        at_inlet = self._fixed & np.isclose(points[:, 0], case.x_in)
        at_jets = nodes(self.velocity_space, tags == CYLINDER)
        self._inflow = np.where(at_inlet[:, None], inflow_profile(points, case), 0.0)
        self._jets = np.zeros_like(self._inflow)
        self._jets[at_jets] = jet_profile(points[at_jets], case)

    def _assemble(self) -> None:
        k, nu, domain = self.case.time_step, self.case.viscosity, self.mesh
        u, v = ufl.TrialFunction(self.velocity_space), ufl.TestFunction(self.velocity_space)
        p, q = ufl.TrialFunction(self.pressure_space), ufl.TestFunction(self.pressure_space)
        # One form each that differs by constants alone, since each form is compiled: e and f are axes.
        a, b = fem.Constant(domain, 0.0), fem.Constant(domain, 0.0)
        e, f = fem.Constant(domain, (0.0, 0.0)), fem.Constant(domain, (0.0, 0.0))
        n = ufl.FacetNormal(domain)
        dx, wall = ufl.dx(domain), self._ds(CYLINDER)
        helmholtz = fem.form(a * u * v * dx + b * ufl.inner(ufl.grad(u), ufl.grad(v)) * dx)
        gradient = fem.form(p * ufl.dot(ufl.grad(v), e) * dx)
        friction = fem.form(
            -nu * (ufl.dot(e, f) * ufl.dot(ufl.grad(v), n) + ufl.dot(n, f) * ufl.dot(ufl.grad(v), e)) * wall
        )
        push = fem.form(q * ufl.dot(n, e) * wall)

        def velocity_matrix(mass: float, stiffness: float) -> csr_matrix:
            a.value, b.value = mass, stiffness
            return matrix(helmholtz)

        self._mass = velocity_matrix(1.0, 0.0)
        self._explicit = velocity_matrix(1.0 / k, -nu / 2)
        self._predict = factorise(velocity_matrix(1.0 / k, nu / 2), self._fixed)
        self._correct = factorise(self._mass, self._fixed)
        laplace = matrix(fem.form(ufl.inner(ufl.grad(p), ufl.grad(q)) * dx))
        self._project = factorise(laplace, self._outlet)

        # The force on the cylinder is linear in (u, p).
        self._gradient, self._forces = [], []
        for axis in AXES:
            e.value = axis
            self._gradient.append(matrix(gradient))
            on_velocity = []
            for component in AXES:
                f.value = component
                on_velocity.append(fem.assemble_vector(friction).array)
            self._forces.append((np.column_stack(on_velocity), fem.assemble_vector(push).array))

        self._wind = [fem.Function(self.velocity_space) for _ in AXES]
        self._carried = fem.Function(self.velocity_space)
        self._convection = fem.form(ufl.dot(ufl.as_vector(self._wind), ufl.grad(self._carried)) * v * dx)

    def state(self) -> dict[str, np.ndarray]:
        """A copy of everything a later step depends on: what `restore` takes."""
        return {"velocity": self.velocity.copy(), "before": self._before.copy(), "pressure": self.pressure.copy()}

    def restore(self, velocity: np.ndarray, before: np.ndarray, pressure: np.ndarray) -> None:
        """Goes back to a state. @raises ValueError when it is of another mesh"""
        expected = [(self._fixed.size, 2), (self._fixed.size, 2), (self._outlet.size,)]
        actual = [array.shape for array in (velocity, before, pressure)]
        if actual != expected:
            raise ValueError(f"the state has the shapes {actual}, expected {expected}")
        self.velocity, self._before, self.pressure = velocity.copy(), before.copy(), pressure.copy()

    def step(self, flux: float) -> tuple[float, float]:
        """Advances one time step with the given flux (U D) through the upper jet and its opposite through the lower.

        Returns the drag and lift coefficients, 2 F / (rho U^2 D).
        @raises FlowDiverged when they leave every physical range
        """
        k = self.case.time_step
        prescribed = (self._inflow + flux * self._jets)[self._fixed]

        convection = self._convect()
        rhs = self._explicit @ self.velocity - 1.5 * convection + 0.5 * self._before
        rhs += np.column_stack([each @ self.pressure for each in self._gradient])
        rhs[self._fixed] = prescribed
        self._before = convection
        predicted = self._predict.solve(rhs)

        source = sum(each.T @ predicted[:, i] for i, each in enumerate(self._gradient)) / -k
        source[self._outlet] = 0.0
        correction = self._project.solve(source)
        self.pressure = self.pressure + correction

        rhs = self._mass @ predicted + k * np.column_stack([each @ correction for each in self._gradient])
        rhs[self._fixed] = prescribed
        self.velocity = self._correct.solve(rhs)

        drag, lift = (
            2.0 * float((on_u * self.velocity).sum() + on_p @ self.pressure) for on_u, on_p in self._forces
        )
        if not abs(drag) + abs(lift) < DIVERGED:
            raise FlowDiverged(f"the flow diverged at flux {flux:.3g}")
        return drag, lift

    def _convect(self) -> np.ndarray:
        for i, wind in enumerate(self._wind):
            wind.x.array[:] = self.velocity[:, i]
        columns = []
        for i in range(2):
            self._carried.x.array[:] = self.velocity[:, i]
            columns.append(fem.assemble_vector(self._convection).array.copy())
        return np.column_stack(columns)


def matrix(form: fem.Form) -> csr_matrix:
    """The assembled matrix of a bilinear form, for scipy."""
    return csr_matrix(fem.assemble_matrix(form).to_scipy())


def factorise(whole: csr_matrix, fixed: np.ndarray) -> SuperLU:
    """Solves with the matrix in which the rows of fixed unknowns say that they are what the right-hand side has."""
    free = diags((~fixed).astype(float))
    return splu((free @ whole + diags(fixed.astype(float))).tocsc(), permc_spec="MMD_AT_PLUS_A")


def probe(space: fem.FunctionSpace, points: np.ndarray) -> csr_matrix:
    """The matrix that takes a P1 function's unknowns to its values at (n, 2) points. @raises ValueError outside"""
    corners = space.tabulate_dof_coordinates()[:, :2][space.dofmap.list]
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=2)
    rows, columns, weights = [], [], []
    for row, point in enumerate(points):
        second, third = np.linalg.solve(edges, (point - corners[:, 0])[:, :, None])[:, :, 0].T
        shares = np.column_stack([1 - second - third, second, third])
        inside = np.flatnonzero(shares.min(axis=1) > -1e-9)
        if inside.size == 0:
            raise ValueError(f"the point {tuple(point)} is not in the flow")
        rows += [row] * 3
        columns += list(space.dofmap.list[inside[0]])
        weights += list(shares[inside[0]])
    return csr_matrix((weights, (rows, columns)), shape=(len(points), space.dofmap.index_map.size_local))
