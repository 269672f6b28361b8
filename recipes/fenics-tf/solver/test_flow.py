"""The flow solver: boundary values, conservation of mass, forces, and repeatability."""

import unittest

import dolfin as df
import numpy as np

from case import Case
from flow import Flow, FlowDiverged
from mesh import CYLINDER, INLET, OUTLET, WALLS

STEPS = 40
FLUX = 0.08


class FlowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.case = Case()
        cls.flow = Flow(cls.case)
        cls.forces = [cls.flow.step(FLUX) for _ in range(STEPS)]
        cls.state = cls.flow.state()
        cls.ds = df.ds(cls.flow.mesh, subdomain_data=cls.flow.markers)
        cls.normal = df.FacetNormal(cls.flow.mesh)

    def setUp(self) -> None:
        self.flow.restore(self.state)

    def outflow(self, part: int, function: df.Function) -> float:
        return df.assemble(df.dot(function, self.normal) * self.ds(part))

    def values_on(self, part: int) -> np.ndarray:
        space = self.flow.velocity_space
        dofs = list(df.DirichletBC(space, df.Constant((0.0, 0.0)), self.flow.markers, part).get_boundary_values())
        return self.flow.velocity.vector().get_local()[dofs]

    def test_no_slip_on_the_walls(self) -> None:
        self.assertEqual(np.abs(self.values_on(WALLS)).max(), 0.0)

    def test_no_slip_on_the_cylinder_but_for_the_jets(self) -> None:
        for x, y in ((-0.5, 0.0), (0.5, 0.0)):
            self.assertLess(np.abs(self.flow.velocity(df.Point(x, y))).max(), 1e-10)
        self.assertGreater(self.flow.velocity(df.Point(0.0, 0.5))[1], 0.1)
        self.flow.reset()
        self.flow.step(0.0)
        self.assertEqual(np.abs(self.values_on(CYLINDER)).max(), 0.0)

    def test_the_jets_blow_and_suck_the_flux_asked_for(self) -> None:
        jets = self.flow._unit_jets
        self.assertAlmostEqual(self.outflow(CYLINDER, jets), 0.0, places=10)
        upper = df.MeshFunction("size_t", self.flow.mesh, 1, 0)
        for facet in df.facets(self.flow.mesh):
            if self.flow.markers[facet] == CYLINDER and facet.midpoint().y() > 0:
                upper[facet] = 1
        blown = -df.assemble(df.dot(jets, self.normal) * df.ds(self.flow.mesh, subdomain_data=upper)(1))
        self.assertAlmostEqual(blown, 1.0, delta=0.03)

    def test_what_flows_in_flows_out(self) -> None:
        height = self.case.y_top - self.case.y_bottom
        self.assertAlmostEqual(self.outflow(INLET, self.flow.velocity), -height, places=8)
        self.assertAlmostEqual(self.outflow(OUTLET, self.flow.velocity), height, delta=0.02 * height)

    def test_the_flow_pushes_the_cylinder_downstream(self) -> None:
        self.assertGreater(self.forces[-1][0], 1.0)
        self.assertLess(self.forces[-1][0], 10.0)

    def test_a_restored_state_goes_on_in_the_same_way(self) -> None:
        first = [self.flow.step(0.01) for _ in range(5)]
        self.flow.restore(self.state)
        self.assertEqual([self.flow.step(0.01) for _ in range(5)], first)

    def test_a_state_of_another_mesh_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "'pressure' has shape"):
            self.flow.restore({**self.flow.state(), "pressure": np.zeros(3)})

    def test_a_diverging_flow_is_an_error(self) -> None:
        with self.assertRaises(FlowDiverged):
            for _ in range(200):
                self.flow.step(50.0)


if __name__ == "__main__":
    unittest.main()
