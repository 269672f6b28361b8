"""The flow case: geometry, physics, time steps and control, in one immutable value.

Everything is non-dimensional: lengths in cylinder diameters D, velocities in the mean inflow velocity U, times in D/U,
pressure and stress in rho U^2, volume fluxes (per unit depth) in U D.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A channel with a cylinder of diameter 1 at the origin, a little below the channel's axis."""

    # Geometry: the channel is [x_in, x_out] x [y_bottom, y_top]; an O-grid fills [x_in, x_box] around the cylinder.
    x_in: float = -2.0
    x_box: float = 2.0
    x_out: float = 10.0
    y_bottom: float = -2.0
    y_top: float = 2.1
    radius: float = 0.5

    # Mesh: cells along each side of the O-grid's outer box, cell layers around the cylinder, cells downstream.
    side_cells: int = 10
    layers: int = 8
    wake_cells: int = 15

    # Physics and numerics.
    reynolds: float = 100.0
    time_step: float = 0.00625

    # Control: jets centred on the top and the bottom of the cylinder, opposite fluxes, |flux| <= max_flux.
    jet_width_degrees: float = 25.0
    max_flux: float = 0.08
    steps_per_action: int = 40
    actions_per_episode: int = 40
    smoothing: float = 0.1
    lift_penalty: float = 0.2

    # The developed flow that every episode starts from. The jets push for kick_time, so that vortices are shed at once
    # and not after 50 D/U; after develop_time the wake is periodic.
    kick_time: float = 4.0
    develop_time: float = 16.0

    @property
    def viscosity(self) -> float:
        """Kinematic viscosity, in units of U D."""
        return 1.0 / self.reynolds
