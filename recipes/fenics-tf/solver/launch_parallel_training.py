#!/usr/bin/env python3
"""Trains an agent to lower a cylinder's drag, against N servers of launch_servers.py on the ports PORT..PORT+N-1.

Writes episodes.csv, summary.json and the agent to the --out directory.
Exit codes: 0 trained, 1 a server or the directory failed, 2 wrong usage, 130 interrupted (what was learnt is kept).
"""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import List, Optional

from client import Client, ServerError, connect
from ports import port_range
from results import default_directory, prepare_directory, write_results


def parse(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=1, metavar="N", help="number of servers (default 1)")
    parser.add_argument("-p", "--port", type=int, required=True, help="the first server's port")
    parser.add_argument("--host", default="127.0.0.1", help="the servers' address (default 127.0.0.1)")
    parser.add_argument("--episodes", type=int, default=20, metavar="E", help="episodes in all (default 20)")
    parser.add_argument("--wait", type=float, default=120.0, metavar="SECONDS", help="wait for servers (default 120)")
    parser.add_argument("--seed", type=int, default=None, help="makes the training repeatable")
    parser.add_argument("--out", type=Path, default=None, help=f"where results go (default {default_directory()})")
    options = parser.parse_args(arguments)
    if options.episodes < 1:
        parser.error(f"the number of episodes must be at least 1, not {options.episodes}")
    if not 0 <= options.wait <= 86400:
        parser.error(f"the seconds to wait must be between 0 and 86400, not {options.wait:g}")
    if options.seed is not None and not 0 <= options.seed < 2**32:
        parser.error(f"the seed must be between 0 and 2^32 - 1, not {options.seed}")
    try:
        options.ports = port_range(options.port, options.number)
    except ValueError as error:
        parser.error(str(error))
    return options


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse(arguments)
    directory: Path = options.out or default_directory()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    clients: List[Client] = []
    try:
        prepare_directory(directory)
        quieten_tensorflow()
        deadline = time.monotonic() + options.wait
        for port in options.ports:
            clients.append(connect(options.host, port, deadline))
        check_agreement(clients)
        return train(clients, options, directory)
    except (ServerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr, flush=True)
        return 130
    finally:
        for client in clients:
            client.close()


def train(clients: List[Client], options: argparse.Namespace, directory: Path) -> int:
    """Trains, and writes the results also when it is cut short."""
    from training import Training

    training = Training(clients, options.seed)
    try:
        training.run(options.episodes)
    finally:
        about = {"servers": len(clients), "seed": options.seed,
                 "uncontrolled_drag": clients[0].drag, "uncontrolled_lift": clients[0].lift}
        write_results(directory, training.episodes, about)
        if training.episodes:
            training.agent.save(directory=str(directory / "agent"), filename="agent", format="numpy")
    last = training.episodes[-1]
    print(f"drag {clients[0].drag:.4f} -> {last.last_drag:.4f}, "
          f"mean |lift| {clients[0].lift:.4f} -> {last.last_lift:.4f} (uncontrolled -> last episode)")
    print(f"{len(training.episodes)} episodes, results in {directory}", flush=True)
    return 0


def check_agreement(clients: List[Client]) -> None:
    """All servers must simulate the same case. @raises ServerError"""
    first = clients[0]
    for client in clients[1:]:
        for field in ("states", "actions", "steps", "drag", "lift"):
            ours, theirs = getattr(first, field), getattr(client, field)
            if ours != theirs:
                raise ServerError(f"server {client.name}: its {field} is {theirs}, but that of {first.name} is {ours}")


def quieten_tensorflow() -> None:
    """One thread (the cores are the servers'), no search for GPUs, warnings and errors only. What is set stays."""
    for name, value in {
        "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_DETERMINISTIC_OPS": "1",
    }.items():
        os.environ.setdefault(name, value)
    logging.getLogger().setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
