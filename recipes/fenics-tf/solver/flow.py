"""The incompressible Navier-Stokes equations, solved by an incremental pressure correction scheme (IPCS).

    du/dt + (u . grad) u = -grad p + nu laplace u,    div u = 0

Taylor-Hood elements (P2 velocity, P1 pressure); second-order Adams-Bashforth for convection, Crank-Nicolson for
diffusion. All matrices are constant, so each is assembled and factorised once; a time step assembles one vector.
"""

import logging
from typing import Dict, Tuple

import dolfin as df
import numpy as np

from case import Case
from jets import inflow_profile, jet_profile
from mesh import CYLINDER, INLET, OUTLET, WALLS, build_mesh, mark_boundaries
from nodal import set_nodal

df.set_log_level(df.LogLevel.WARNING)
logging.getLogger("FFC").setLevel(logging.WARNING)


DIVERGED = 1e3  # a force coefficient no flow of this case comes near; a comparison with it is false for NaN, too


class FlowDiverged(ArithmeticError):
    """The flow has left every physical range: the time step is too long for the velocities."""


class Flow:
    """The flow of one case, advanced one time step at a time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.mesh = build_mesh(case)
        self.markers = mark_boundaries(self.mesh, case)
        self.velocity_space = df.VectorFunctionSpace(self.mesh, "Lagrange", 2)
        self.pressure_space = df.FunctionSpace(self.mesh, "Lagrange", 1)
        self.velocity = df.Function(self.velocity_space)
        self.pressure = df.Function(self.pressure_space)
        self._set_conditions()
        self._assemble()
        self.reset()

    def _set_conditions(self) -> None:
        space = self.velocity_space
        self._inflow = df.Function(space)
        set_nodal(self._inflow, lambda x: inflow_profile(x, self.case))
        self._unit_jets = df.Function(space)
        set_nodal(self._unit_jets, lambda x: jet_profile(x, self.case))
        self._jets = df.Function(space)
        zero = df.Constant((0.0, 0.0))
        self._velocity_conditions = [
            df.DirichletBC(space, zero, self.markers, WALLS),
            df.DirichletBC(space, self._inflow, self.markers, INLET),
            df.DirichletBC(space, self._jets, self.markers, CYLINDER),
        ]
        self._pressure_condition = df.DirichletBC(self.pressure_space, df.Constant(0.0), self.markers, OUTLET)

    def _assemble(self) -> None:
        k, nu = self.case.time_step, self.case.viscosity
        u, v = df.TrialFunction(self.velocity_space), df.TestFunction(self.velocity_space)
        p, q = df.TrialFunction(self.pressure_space), df.TestFunction(self.pressure_space)
        dx = df.dx(self.mesh)
        ds = df.ds(self.mesh, subdomain_data=self.markers)

        mass = df.assemble(df.inner(u, v) * dx)
        stiffness = df.assemble(df.inner(df.grad(u), df.grad(v)) * dx)
        self._explicit = mass / k - stiffness * (nu / 2)
        self._pressure_force = df.assemble(p * df.div(v) * dx)
        laplace = df.assemble(df.inner(df.grad(p), df.grad(q)) * dx)
        self._mass = mass.copy()
        self._convection_form = df.Form(df.inner(df.dot(df.grad(self.velocity), self.velocity), v) * dx)

        # The force on the cylinder is linear in (u, p): one vector for each, component and field.
        normal = df.FacetNormal(self.mesh)
        axis = df.Function(self.velocity_space)
        self._forces = []
        for direction in ((1.0, 0.0), (0.0, 1.0)):
            set_nodal(axis, lambda points, direction=direction: np.tile(direction, (len(points), 1)))
            viscous = -nu * df.dot((df.grad(v) + df.grad(v).T) * normal, axis) * ds(CYLINDER)
            self._forces.append((df.assemble(viscous), df.assemble(q * df.dot(normal, axis) * ds(CYLINDER))))

        implicit = mass / k + stiffness * (nu / 2)
        for condition in self._velocity_conditions:
            condition.apply(implicit)
            condition.apply(mass)
        self._pressure_condition.apply(laplace)
        # Each factorises at its first use, and only then.
        self._predict, self._project, self._correct = (
            df.LUSolver(matrix, "umfpack") for matrix in (implicit, laplace, mass))

    def reset(self) -> None:
        """Fluid at rest behind an inflow that has just begun."""
        self.restore({name: np.zeros(size) for name, size in self._sizes().items()})

    def _sizes(self) -> Dict[str, int]:
        n = self.velocity_space.dim()
        return {"velocity": n, "convection": n, "pressure": self.pressure_space.dim()}

    def state(self) -> Dict[str, np.ndarray]:
        """A copy of everything a later step depends on, as arrays of degrees of freedom."""
        return {
            "velocity": self.velocity.vector().get_local(),
            "convection": self._convection.get_local(),
            "pressure": self.pressure.vector().get_local(),
        }

    def restore(self, state: Dict[str, np.ndarray]) -> None:
        """Goes back to a state. @raises ValueError when it is of another mesh."""
        for name, size in self._sizes().items():
            if state[name].shape != (size,):
                raise ValueError(f"state {name!r} has shape {state[name].shape}, expected ({size},)")
        self._convection = self.velocity.vector().copy()
        for vector, name in (
            (self.velocity.vector(), "velocity"),
            (self._convection, "convection"),
            (self.pressure.vector(), "pressure"),
        ):
            vector.set_local(state[name])
            vector.apply("insert")

    def step(self, flux: float) -> Tuple[float, float]:
        """Advances one time step with the given flux (U D) through the upper jet and its opposite through the lower.

        Returns the drag and lift coefficients, 2 F / (rho U^2 D).
        @raises FlowDiverged when they leave every physical range
        """
        k = self.case.time_step
        u, p = self.velocity.vector(), self.pressure.vector()
        self._jets.vector().zero()
        self._jets.vector().axpy(flux, self._unit_jets.vector())

        convection = df.assemble(self._convection_form)
        rhs = self._explicit * u + self._pressure_force * p
        rhs.axpy(-1.5, convection)
        rhs.axpy(0.5, self._convection)
        self._convection = convection
        self._solve(self._predict, u, rhs)

        correction = p.copy()
        rhs = df.Vector()
        self._pressure_force.transpmult(u, rhs)
        rhs *= -1.0 / k
        self._pressure_condition.apply(rhs)
        self._project.solve(correction, rhs)
        p.axpy(1.0, correction)

        rhs = self._mass * u
        rhs.axpy(k, self._pressure_force * correction)
        self._solve(self._correct, u, rhs)

        drag, lift = (2.0 * (on_u.inner(u) + on_p.inner(p)) for on_u, on_p in self._forces)
        if not abs(drag) + abs(lift) < DIVERGED:
            raise FlowDiverged(f"the flow diverged at flux {flux:.3g}")
        return drag, lift

    def _solve(self, solver: df.LUSolver, unknown: df.GenericVector, rhs: df.GenericVector) -> None:
        for condition in self._velocity_conditions:
            condition.apply(rhs)
        solver.solve(unknown, rhs)
