"""One controlled simulation: actions in; observations, rewards and forces out."""

from dataclasses import dataclass
from typing import List, Tuple

import dolfin as df
import numpy as np

from baseline import Baseline
from case import Case
from flow import Flow


@dataclass(frozen=True)
class Step:
    """What one action led to: pressures at the probes, the reward, and the mean coefficients over the action."""

    observation: List[float]
    reward: float
    terminal: bool
    drag: float
    lift: float


def probe_points() -> List[Tuple[float, float]]:
    """Where the pressure is observed: 8 points around the cylinder, then 4 x 5 points in its wake."""
    angles = 2 * np.pi * np.arange(8) / 8
    around = [(0.6 * float(np.cos(a)), 0.6 * float(np.sin(a))) for a in angles]
    wake = [(x, y) for x in (0.75, 1.5, 2.5, 4.0) for y in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    return around + wake


class Simulation:
    """An episode after another of the same case, each from the baseline's state.

    The cost of an action is its mean drag + lift_penalty * |mean lift|; the reward is the baseline's cost less that,
    so doing nothing earns about 0 in the long run, and whatever is better than nothing earns more.
    """

    def __init__(self, case: Case, baseline: Baseline) -> None:
        self.case = case
        self.baseline = baseline
        self._flow = Flow(case)
        self._probes = [df.Point(x, y) for x, y in probe_points()]
        self.observation_size = len(self._probes)
        self._flux = 0.0
        self._actions = 0

    def reset(self) -> List[float]:
        """Starts an episode. Returns the first observation."""
        self._flow.restore(self.baseline.state)
        self._flux = 0.0
        self._actions = 0
        return self._observe()

    def execute(self, action: float) -> Step:
        """Holds an action in [-1, 1] (values outside are cut) for steps_per_action time steps.

        The flux follows the action with an exponential lag, so it has no jumps.
        """
        case = self.case
        target = case.max_flux * float(np.clip(action, -1.0, 1.0))
        forces = np.empty((case.steps_per_action, 2))
        for i in range(case.steps_per_action):
            self._flux += case.smoothing * (target - self._flux)
            forces[i] = self._flow.step(self._flux)
        self._actions += 1
        drag, lift = (float(mean) for mean in forces.mean(axis=0))
        reward = self.baseline.drag - drag + case.lift_penalty * (self.baseline.lift - abs(lift))
        return Step(self._observe(), reward, self._actions >= case.actions_per_episode, drag, lift)

    def _observe(self) -> List[float]:
        return [float(self._flow.pressure(point)) for point in self._probes]
