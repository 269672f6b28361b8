#!/usr/bin/env python3
"""Trains an agent to lower a cylinder's drag, against N servers of launch_servers.py on the ports PORT..PORT+N-1.

Writes curve.png, episodes.csv, results.json and policy.zip to the --out directory.
Exit codes: 0 trained, 1 a server or the directory failed, 2 wrong usage.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback

from remote import RemoteFlows, ServerError
from results import Episode, Results, write

SHARED = Path("/home/fenics/shared")
EVALUATE_EVERY = 3  # rounds


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    flows = None
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        ports = list(range(options.port, options.port + options.number))
        flows = RemoteFlows(options.host, ports, options.wait)
        results = train(flows, options)
        write(options.out, results)
    except (ServerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if flows is not None:
            flows.close()
    print(results.summary())
    print(f"{len(results.episodes)} episodes, results in {options.out}")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=2, metavar="N", help="number of servers (default 2)")
    parser.add_argument("-p", "--port", type=int, default=43743, help="the first server's port (default 43743)")
    parser.add_argument("--host", default="127.0.0.1", help="the servers' address (default 127.0.0.1)")
    parser.add_argument("--rounds", type=int, default=40, help="episodes on each server (default 40)")
    parser.add_argument("--minutes", type=float, default=9.0, help="no new round is begun after (default 9)")
    parser.add_argument("--seed", type=int, default=1, help="decides the training (default 1)")
    parser.add_argument("--wait", type=float, default=240.0, metavar="SECONDS", help="wait for servers (default 240)")
    default = SHARED if SHARED.is_dir() else Path("results")
    parser.add_argument("--out", type=Path, default=default, help=f"where results go (default {default})")
    options = parser.parse_args()
    if options.number < 1 or not 1 <= options.port <= 65536 - options.number:
        parser.error(f"{options.number} ports from {options.port} on are not all between 1 and 65535")
    if options.rounds < 1:
        parser.error(f"the number of rounds must be at least 1, not {options.rounds}")
    return options


def train(flows: RemoteFlows, options: argparse.Namespace) -> Results:
    """Trains in rounds of one episode a server, and evaluates now and then; the best policy is kept, also after Ctrl-C."""
    torch.set_num_threads(1)  # the cores are the servers'
    torch.use_deterministic_algorithms(True)
    start = time.monotonic()
    results = Results(uncontrolled=evaluate(flows, None, 0))
    print(f"no control: drag {results.uncontrolled.drag:.4f}, |lift| {results.uncontrolled.lift:.4f}", flush=True)
    model = SAC(
        "MlpPolicy",
        flows,
        seed=options.seed,
        learning_rate=1e-3,
        gamma=0.95,
        batch_size=128,
        buffer_size=20_000,
        learning_starts=2 * flows.actions * flows.num_envs,
        train_freq=1,
        gradient_steps=2 * flows.num_envs,
        policy_kwargs={"net_arch": [64, 64]},
        device="cpu",
    )
    try:
        for number in range(1, options.rounds + 1):
            if time.monotonic() - start > 60 * options.minutes:
                print(f"{options.minutes:g} minutes are over after {number - 1} rounds", flush=True)
                break
            model.set_env(flows)  # starts episodes anew
            heard = Listener()
            model.learn(flows.actions * flows.num_envs, callback=heard, reset_num_timesteps=False)
            results.episodes += heard.episodes(number)
            rewards = ", ".join(f"{episode.reward:.2f}" for episode in results.episodes[-flows.num_envs:])
            print(f"round {number}: rewards {rewards}; {time.monotonic() - start:.0f} s", flush=True)
            if number % EVALUATE_EVERY == 0 or number == options.rounds:
                found = evaluate(flows, model, number)
                results.evaluations.append(found)
                print(f"  evaluated: reward {found.reward:.2f}, drag {found.drag:.4f}, |lift| {found.lift:.4f}")
                if found is results.best():
                    model.save(options.out / "policy.zip")
    except KeyboardInterrupt:
        print("interrupted; what was learnt is kept", flush=True)
    results.seconds = time.monotonic() - start
    return results


def evaluate(flows: RemoteFlows, model: SAC | None, number: int) -> Episode:
    """An episode without exploration; without a model, one without control. All servers give the same."""
    observations = flows.reset()
    rewards, infos = [], []
    for _ in range(flows.actions):
        if model is None:
            actions = np.zeros((flows.num_envs, 1))
        else:
            actions, _ = model.predict(observations, deterministic=True)
        observations, reward, _, info = flows.step(actions)
        rewards.append(float(reward[0]))
        infos.append(info[0])
    return Episode.of(number, rewards, infos)


class Listener(BaseCallback):
    """Notes what each flow gave in a round."""

    def _on_training_start(self) -> None:
        self._rewards = [[] for _ in range(self.training_env.num_envs)]
        self._infos = [[] for _ in range(self.training_env.num_envs)]

    def _on_step(self) -> bool:
        for i, (reward, info) in enumerate(zip(self.locals["rewards"], self.locals["infos"])):
            self._rewards[i].append(float(reward))
            self._infos[i].append(info)
        return True

    def episodes(self, number: int) -> list[Episode]:
        """An episode a server."""
        return [Episode.of(number, *each) for each in zip(self._rewards, self._infos)]


if __name__ == "__main__":
    sys.exit(main())
