"""What a training leaves: episodes.csv, results.json and curve.png."""

import csv
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


@dataclass(frozen=True)
class Episode:
    """One episode: the sum of its rewards, the means of drag and |lift| over its second half, and each action's drag."""

    round: int
    reward: float
    drag: float
    lift: float
    drags: list[float] = field(repr=False)

    @classmethod
    def of(cls, number: int, rewards: list[float], infos: list[dict]) -> "Episode":
        drags = [info["drag"] for info in infos]
        lifts = [abs(info["lift"]) for info in infos]
        half = len(infos) // 2
        return cls(number, sum(rewards), float(np.mean(drags[half:])), float(np.mean(lifts[half:])), drags)


@dataclass
class Results:
    """A training's episodes, with exploration, and the evaluations without it."""

    uncontrolled: Episode
    episodes: list[Episode] = field(default_factory=list)
    evaluations: list[Episode] = field(default_factory=list)
    seconds: float = 0.0

    def best(self) -> Episode:
        """The best evaluation; no control, as long as none was better."""
        return max([self.uncontrolled, *self.evaluations], key=lambda episode: episode.reward)

    def summary(self) -> str:
        none, best = self.uncontrolled, self.best()
        saved = 100 * (1 - best.drag / none.drag)
        return (
            f"drag {none.drag:.4f} -> {best.drag:.4f} ({saved:.1f} % less), |lift| {none.lift:.4f} -> {best.lift:.4f}, "
            f"reward {none.reward:.2f} -> {best.reward:.2f} (no control -> best policy)"
        )


def write(directory: Path, results: Results) -> None:
    """Writes all but the policy; what an earlier training left is replaced."""
    names = [each.name for each in fields(Episode) if each.name != "drags"]
    with open(directory / "episodes.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        table.writerows([getattr(episode, name) for name in names] for episode in results.episodes)
    found = {
        "uncontrolled": asdict(results.uncontrolled),
        "best": asdict(results.best()),
        "evaluations": [asdict(episode) for episode in results.evaluations],
        "episodes": len(results.episodes),
        "seconds": round(results.seconds, 1),
    }
    (directory / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    draw(directory / "curve.png", results)


def draw(path: Path, results: Results) -> None:
    """Rewards over the rounds, and drag over time with the best policy and without control."""
    figure, (learning, flow) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    learning.scatter([e.round for e in results.episodes], [e.reward for e in results.episodes], 9, "0.6", label="exploring")
    learning.plot([e.round for e in results.evaluations], [e.reward for e in results.evaluations], "o-", label="evaluated")
    learning.axhline(results.uncontrolled.reward, color="k", linestyle="--", label="no control")
    learning.set(xlabel="round", ylabel="reward of an episode", title="Learning")
    flow.plot(results.uncontrolled.drags, "k--", label="no control")
    flow.plot(results.best().drags, label="best policy")
    flow.set(xlabel="action", ylabel="drag coefficient", title="Drag in an episode")
    for axes in (learning, flow):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)
