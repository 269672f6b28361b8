"""The controlled flow as a gymnasium environment."""

from typing import Any

import gymnasium
import numpy as np

from case import Case
from flow import Flow, probe


def probe_points() -> np.ndarray:
    """Where the pressure is observed: 8 points around the cylinder, then 3 x 5 points in its wake: (n, 2)."""
    angles = 2 * np.pi * np.arange(8) / 8
    around = 0.65 * np.column_stack([np.cos(angles), np.sin(angles)])
    wake = [(x, y) for x in (1.0, 2.0, 3.5) for y in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    return np.concatenate([around, wake])


class FlowEnv(gymnasium.Env):
    """Episodes of one case, each from the same developed flow: nothing in here is random.

    Action: the upper jet's flux, as a part of the largest one; the flux follows with a short lag, so it has no jumps.
    Observation: the pressure at the probes, and the flux. Cost of an action: the mean of drag + lift_penalty * |lift|
    over its time steps. Reward: REWARD_SCALE * (mean cost without control less the cost). `info` has drag and lift.
    """

    REWARD_SCALE = 10.0

    def __init__(self, case: Case, developed: dict[str, np.ndarray]) -> None:
        self.case = case
        self._flow = Flow(case)
        self._developed = {name: developed[name] for name in ("velocity", "before", "pressure")}
        self._usual = float(developed["cost"])
        self._probes = probe(self._flow.pressure_space, probe_points())
        size = self._probes.shape[0] + 1
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self._flow.restore(**self._developed)
        self._flux = 0.0
        self._actions = 0
        return self._observe(), {}

    def step(self, action: np.ndarray):
        case = self.case
        target = case.max_flux * float(np.clip(action[0], -1.0, 1.0))
        forces = np.empty((case.steps_per_action, 2))
        for i in range(case.steps_per_action):
            self._flux += case.smoothing * (target - self._flux)
            forces[i] = self._flow.step(self._flux)
        self._actions += 1
        reward = self.REWARD_SCALE * (self._usual - cost(forces, case))
        drag, lift = forces.mean(axis=0)
        # cut by its time limit: the flow goes on
        truncated = self._actions >= case.actions_per_episode
        return self._observe(), reward, False, truncated, {"drag": float(drag), "lift": float(lift)}

    def _observe(self) -> np.ndarray:
        pressures = self._probes @ self._flow.pressure
        return np.append(pressures, self._flux / self.case.max_flux).astype(np.float32)


def cost(forces: np.ndarray, case: Case) -> float:
    """What (n, 2) coefficients of drag and lift cost."""
    return float((forces[:, 0] + case.lift_penalty * np.abs(forces[:, 1])).mean())


def develop(case: Case) -> dict[str, np.ndarray]:
    """Simulates the uncontrolled flow from rest until its wake is periodic: its state, and what it costs on from there.

    The cost is the mean over an episode's time.
    """
    flow = Flow(case)
    for i in range(round(case.develop_time / case.time_step)):
        phase = min(1.0, i * case.time_step / case.kick_time)
        flow.step(case.max_flux * float(np.sin(2 * np.pi * phase)))
    state = flow.state()
    forces = [flow.step(0.0) for _ in range(case.steps_per_action * case.actions_per_episode)]
    return {**state, "cost": np.float64(cost(np.array(forces), case))}
