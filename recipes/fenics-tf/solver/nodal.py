"""Setting finite element functions from numpy."""

from typing import Callable

import dolfin as df
import numpy as np


def set_nodal(function: df.Function, values: Callable[[np.ndarray], np.ndarray]) -> None:
    """Sets a vector function to values((n, 2) points) -> (n, 2), at its nodes; compiles nothing, unlike Expression."""
    space = function.function_space()
    points = space.tabulate_dof_coordinates()
    local = np.zeros(space.dim())
    for axis in (0, 1):
        dofs = space.sub(axis).dofmap().dofs()
        local[dofs] = values(points[dofs])[:, axis]
    function.vector().set_local(local)
    function.vector().apply("insert")
