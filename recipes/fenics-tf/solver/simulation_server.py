"""One simulation server: a process that launch_servers.py starts, on a socket it has already bound.

It ends with its launcher, however that ends.
"""

import argparse
import os
import socket
import sys
from pathlib import Path

from lifeline import end_with_parent
from protocol import ProtocolError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the bound socket")
    parser.add_argument("--ready", type=int, required=True, help="descriptor to write a byte to, when listening")
    parser.add_argument("--baseline", type=Path, required=True, help="the developed flow, an .npz")
    options = parser.parse_args()

    end_with_parent()

    from baseline import load_baseline
    from case import Case
    from session import hold_session, visitors
    from simulation import Simulation

    simulation = Simulation(Case(), load_baseline(options.baseline))
    listener = socket.socket(fileno=options.socket)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else its own TIME_WAITs keep the port busy
    listener.listen(8)
    port = listener.getsockname()[1]
    os.write(options.ready, b"R")
    for connection in visitors(listener):
        try:
            hold_session(connection, simulation)
        except ProtocolError as error:
            print(f"port {port}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
