"""A server's side of the protocol: one trainer at a time, any number one after another."""

import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Iterator, Tuple

from protocol import (
    PROTOCOL, VERSION, Message, PeerClosed, ProtocolError, check_hello, numbers, receive, send,
)

if TYPE_CHECKING:
    from simulation import Simulation

HANDSHAKE_SECONDS = 10.0
IDLE_SECONDS = 600.0
GRACE_SECONDS = 3.0  # to notice that the trainer before has gone; noticing takes as long as an action


def hold_session(connection: socket.socket, simulation: "Simulation", idle: float = IDLE_SECONDS) -> None:
    """Serves one trainer until it closes. A trainer that breaks the protocol is told why, and dropped.

    @raises ProtocolError naming what the trainer did, when the session did not end with "close"
    """
    try:
        connection.settimeout(HANDSHAKE_SECONDS)
        check_hello(receive(connection))
        send(connection, describe(simulation))
        connection.settimeout(idle)
        in_episode = False
        while True:
            message = receive(connection)
            if message["type"] == "close":
                send(connection, {"type": "bye"})
                return
            answer, in_episode = respond(message, simulation, in_episode)
            send(connection, answer)
    except PeerClosed:
        raise
    except (ProtocolError, ArithmeticError) as error:
        refuse(connection, str(error))
        raise ProtocolError(str(error)) from error
    finally:
        connection.close()


def describe(simulation: "Simulation") -> Message:
    """The server's hello: what the trainer must know to make an agent."""
    return {
        "type": "hello", "protocol": PROTOCOL, "version": VERSION,
        "states": simulation.observation_size, "actions": 1, "steps": simulation.case.actions_per_episode,
        "drag": simulation.baseline.drag, "lift": simulation.baseline.lift,
    }


def respond(message: Message, simulation: "Simulation", in_episode: bool) -> Tuple[Message, bool]:
    """The answer to a request, and whether an episode is going on after it."""
    start = time.monotonic()
    if message["type"] == "reset":
        state = simulation.reset()
        return {"type": "state", "state": state, "seconds": time.monotonic() - start}, True
    if message["type"] != "execute":
        raise ProtocolError(f"unknown request {message['type'][:40]!r}")
    if not in_episode:
        raise ProtocolError("'execute' needs a 'reset' first")
    step = simulation.execute(numbers(message, "action", 1)[0])
    answer = {
        "type": "step", "state": step.observation, "reward": step.reward, "terminal": step.terminal,
        "drag": step.drag, "lift": step.lift, "seconds": time.monotonic() - start,
    }
    return answer, not step.terminal


def refuse(connection: socket.socket, reason: str) -> None:
    """Says why, and hangs up so that the peer can still read it: closing on unread input would reset the line."""
    try:
        connection.settimeout(1.0)
        send(connection, {"type": "error", "message": reason})
        connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + 1.0
        while connection.recv(4096) and time.monotonic() < deadline:
            pass
    except (OSError, ProtocolError):
        pass
    finally:
        connection.close()


def visitors(listener: socket.socket, grace: float = GRACE_SECONDS) -> Iterator[socket.socket]:
    """Yields one connection after another; who comes while one is served is told, after `grace`, that we are busy."""
    occupied = threading.Lock()
    admitted: "queue.SimpleQueue[socket.socket]" = queue.SimpleQueue()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if occupied.acquire(timeout=grace):
                admitted.put(connection)
            else:
                refuse(connection, "this server is busy with another trainer")

    threading.Thread(target=accept, daemon=True).start()
    while True:
        yield admitted.get()
        occupied.release()
