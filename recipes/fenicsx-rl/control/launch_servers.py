#!/usr/bin/env python3
"""Starts N simulation servers, on the ports PORT..PORT+N-1 of localhost, and watches them until Ctrl-C.

Exit codes: 0 stopped, 1 a port is taken or a server died, 2 wrong usage.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=2, metavar="N", help="number of servers (default 2)")
    parser.add_argument("-p", "--port", type=int, default=43743, help="the first server's port (default 43743)")
    options = parser.parse_args()
    if options.number < 1 or not 1 <= options.port <= 65536 - options.number:
        parser.error(f"{options.number} ports from {options.port} on are not all between 1 and 65535")
    for number in (signal.SIGINT, signal.SIGTERM):  # also when started in the background of a shell, which ignores the first
        signal.signal(number, signal.default_int_handler)

    sockets = [bind(port) for port in range(options.port, options.port + options.number)]
    if None in sockets:
        print("error: no server was started: try other ports", file=sys.stderr)
        return 1
    servers: list[subprocess.Popen] = []
    try:
        with tempfile.TemporaryDirectory(prefix="control-") as scratch:
            developed = os.path.join(scratch, "developed.npz")
            print("developing the flow; the first time dolfinx compiles, which takes a while longer", flush=True)
            write_developed(developed)
            for bound in sockets:
                servers.append(start(bound, developed))
                bound.close()
            # children have no other way to end than to fail
            pid, _ = os.waitpid(-1, 0)
            port = options.port + [server.pid for server in servers].index(pid)
            print(f"error: the server on port {port} died; the others are stopped", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 0
    finally:
        for server in servers:
            server.kill()


def bind(port: int) -> socket.socket | None:
    """The port of localhost, bound, so that nobody else can take it; None when somebody has it."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
        bound.listen()
    except OSError as error:
        print(f"host {os.uname().nodename} on port {port} is BUSY: {error.strerror}", flush=True)
        return None
    print(f"host {os.uname().nodename} on port {port} is AVAIL", flush=True)
    return bound


def write_developed(path: str) -> None:
    """Compiles what is compiled, once and not once a server, and simulates the flow that episodes start from."""
    import numpy as np

    from case import Case
    from environment import develop

    np.savez(path, **develop(Case()))


def start(bound: socket.socket, developed: str) -> subprocess.Popen:
    """A server on a bound socket. Its standard input tells it when we are gone; a Ctrl-C reaches us alone."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), str(bound.fileno()), developed],
        stdin=subprocess.PIPE,
        pass_fds=[bound.fileno()],
        start_new_session=True,
    )


if __name__ == "__main__":
    sys.exit(main())
