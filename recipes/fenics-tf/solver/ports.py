"""Ports, taken before anything is started on them."""

import errno
import os
import socket
from typing import Dict, List, Optional


def port_range(first: int, count: int) -> List[int]:
    """The ports first..first+count-1. @raises ValueError when they are not all in 1..65535"""
    if count < 1:
        raise ValueError(f"the number of servers must be at least 1, not {count}")
    if not 1 <= first <= 65535 or first + count - 1 > 65535:
        raise ValueError(f"{count} ports from {first} on are not all between 1 and 65535")
    return list(range(first, first + count))


def reserve_port(host: str, port: int) -> Optional[socket.socket]:
    """A socket bound to the port, not listening yet; None when another process has it.

    Holding the socket from the check until a server listens on it leaves no moment for anyone else to take the port.
    @raises OSError when the host or the port cannot be bound at all (no such address, a privileged port)
    """
    # The second try passes over connections in TIME_WAIT, never over a listener. It comes second because two sockets
    # with SO_REUSEADDR may share a port as long as neither listens, and then each would think it has it.
    for reuse in (0, 1):
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        try:
            bound.bind((host, port))
            return bound
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                raise
    return None


def reserve_ports(host: str, ports: List[int]) -> Dict[int, Optional[socket.socket]]:
    """Reserves every port: its socket, or None where it is busy. Reserves none when it raises."""
    reserved: Dict[int, Optional[socket.socket]] = {}
    try:
        for port in ports:
            reserved[port] = reserve_port(host, port)
    except OSError as error:
        release_ports(reserved)
        raise OSError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    return reserved


def release_ports(reserved: Dict[int, Optional[socket.socket]]) -> None:
    """Gives the reserved ports back."""
    for bound in reserved.values():
        if bound is not None:
            bound.close()


def machine_name() -> str:
    """This machine's name, for printing only: in a container it need not resolve."""
    return os.uname().nodename
