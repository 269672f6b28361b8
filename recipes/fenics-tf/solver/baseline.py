"""The developed flow that every episode starts from, and what it costs without control."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict

import numpy as np

from case import Case


@dataclass(frozen=True)
class Baseline:
    """A state of the periodic wake, and its mean drag and mean absolute lift over the last periods."""

    state: Dict[str, np.ndarray]
    drag: float
    lift: float


def develop(case: Case) -> Baseline:
    """Simulates the uncontrolled flow from rest until its wake is periodic."""
    from flow import Flow

    flow = Flow(case)
    steps = round(case.develop_time / case.time_step)
    averaged = round(case.average_time / case.time_step)
    forces = np.empty((steps, 2))
    for i in range(steps):
        phase = min(1.0, i * case.time_step / case.kick_time)
        forces[i] = flow.step(case.max_flux * np.sin(np.pi * phase))
    last = forces[-averaged:]
    return Baseline(flow.state(), float(last[:, 0].mean()), float(np.abs(last[:, 1]).mean()))


def save_baseline(path: Path, baseline: Baseline) -> None:
    """Writes a baseline as an uncompressed .npz of plain arrays."""
    with open(path, "wb") as file:
        np.savez(file, drag=baseline.drag, lift=baseline.lift, **baseline.state)


def load_baseline(path: Path) -> Baseline:
    """Reads what save_baseline wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        state = {name: arrays[name] for name in arrays.files if name not in ("drag", "lift")}
        return Baseline(state, float(arrays["drag"]), float(arrays["lift"]))
