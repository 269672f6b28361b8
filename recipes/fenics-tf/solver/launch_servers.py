#!/usr/bin/env python3
"""Starts N simulation servers on the ports PORT..PORT+N-1 and keeps them running until it is stopped.

Exit codes: 0 stopped by a signal, 1 a port is busy or a server died, 2 wrong usage.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from socket import socket
from typing import Dict, List, Optional

from ports import machine_name, port_range, release_ports, reserve_ports
from runtime import simulation_environment
from servers import ServerDied, Servers

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Someone asked us to stop."""


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=1, metavar="N", help="number of servers (default 1)")
    parser.add_argument("-p", "--port", type=int, required=True, help="the first port")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    options = parser.parse_args(arguments)
    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        return launch(options.host, port_range(options.port, options.number))
    except ValueError as error:
        parser.error(str(error))
    except ServerDied as error:
        print(f"error: {error}: all servers are stopped", file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    except Stopped:
        say("stopped")
        return 0


def launch(host: str, ports: List[int]) -> int:
    """Checks all ports, then starts a server on each and watches them. Returns 1 when a port is busy."""
    reserved = reserve_ports(host, ports)
    name = machine_name()
    for port in ports:
        say(f"host {name} on port {port} is {'BUSY' if reserved[port] is None else 'AVAIL'}")
    bound = {port: taken for port, taken in reserved.items() if taken is not None}
    if len(bound) < len(ports):
        release_ports(reserved)
        print("error: no server was started: try other ports", file=sys.stderr, flush=True)
        return 1
    with tempfile.TemporaryDirectory(prefix="solver-") as scratch:
        with Servers(simulation_environment(Path(scratch))) as servers:
            try:
                serve(servers, bound, Path(scratch) / "baseline.npz")
            finally:
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_IGN)  # the stopping itself is not to be stopped
    return 0


def serve(servers: Servers, bound: Dict[int, socket], baseline: Path) -> None:
    """Develops the flow, starts the servers, says when they are ready, and watches them."""
    say("developing the flow; the first time FEniCS compiles, which takes a while longer")
    servers.develop(baseline)
    for port, taken in bound.items():
        servers.start(port, taken, baseline)
        taken.close()
    servers.await_ready()
    say(f"{len(bound)} server{'s' if len(bound) > 1 else ''} ready on "
        f"port{'s' if len(bound) > 1 else ''} {', '.join(map(str, bound))}; stop with Ctrl-C")
    servers.watch()


def stop(*_: object) -> None:
    """A signal's handler."""
    raise Stopped


def say(line: str) -> None:
    """Prints a line at once, since standard output may be a pipe; whose reader may have gone."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
