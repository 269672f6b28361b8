"""What a training leaves: episodes.csv, summary.json and the saved agent, in one directory."""

import csv
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Dict, List, Sequence

from client import Result

IMAGE_SHARED = Path("/home/fenics/shared")


@dataclass(frozen=True)
class Episode:
    """One finished episode: sums and means over its actions. The last drag and lift are those of its second half."""

    episode: int
    server: str
    actions: int
    reward: float
    drag: float
    lift: float
    last_drag: float
    last_lift: float


def summarise(number: int, server: str, results: Sequence[Result]) -> Episode:
    """The episode that these results make; lifts are means of absolute values."""
    last = results[len(results) // 2:]
    return Episode(
        number, server, len(results), sum(r.reward for r in results),
        mean([r.drag for r in results]), mean([abs(r.lift) for r in results]),
        mean([r.drag for r in last]), mean([abs(r.lift) for r in last]),
    )


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def default_directory() -> Path:
    """The image's shared folder where there is one, else ./results."""
    return IMAGE_SHARED if IMAGE_SHARED.is_dir() else Path("results")


def prepare_directory(directory: Path) -> None:
    """Makes the directory, and makes sure it can be written. @raises OSError"""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f"cannot write results to {str(directory)!r}: {error.strerror}") from error


def write_results(directory: Path, episodes: List[Episode], about: Dict[str, object]) -> None:
    """Writes episodes.csv and summary.json, each in one stroke; what an earlier training left is replaced."""
    table = directory / "episodes.csv.part"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Episode)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(episode) for episode in episodes)
    os.replace(table, directory / "episodes.csv")

    summary: Dict[str, object] = {**about, "episodes": len(episodes)}
    if episodes:
        best = max(episodes, key=lambda episode: episode.reward)
        summary.update(
            mean_reward=mean([episode.reward for episode in episodes]),
            best_reward=best.reward, best_episode=best.episode,
            final_drag=episodes[-1].last_drag, final_lift=episodes[-1].last_lift,
        )
    part = directory / "summary.json.part"
    part.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    os.replace(part, directory / "summary.json")
