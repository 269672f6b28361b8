"""The trainer's side of the protocol: one connection to one simulation server."""

import socket
import time
from dataclasses import dataclass
from typing import List, Tuple

from protocol import (
    PROTOCOL, VERSION, Message, ProtocolError, boolean, check_hello, expect, number, numbers, positive_integer,
    receive, send,
)

HANDSHAKE_SECONDS = 10.0
ANSWER_SECONDS = 600.0
RETRY_SECONDS = 0.5


class ServerError(Exception):
    """A server cannot be reached, or does not behave. The message names it."""


@dataclass(frozen=True)
class Result:
    """What one action led to; drag and lift are mean coefficients over the action, seconds the server's own."""

    state: List[float]
    reward: float
    terminal: bool
    drag: float
    lift: float
    seconds: float


class Client:
    """A connection whose hello has been exchanged: it knows the sizes, and the uncontrolled drag and lift."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._connection = connection
        self.name = name
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(HANDSHAKE_SECONDS)
        self.request({"type": "hello", "protocol": PROTOCOL, "version": VERSION})
        with Naming(self):
            hello = check_hello(receive(connection))
            self.states = positive_integer(hello, "states")
            self.actions = positive_integer(hello, "actions")
            self.steps = positive_integer(hello, "steps")
            self.drag, self.lift = number(hello, "drag"), number(hello, "lift")
        self.episode: List[Result] = []  # of the current episode, kept by the environment
        connection.settimeout(ANSWER_SECONDS)

    def request(self, message: Message) -> None:
        """Sends a request, without waiting for its answer."""
        with Naming(self):
            send(self._connection, message)

    def receive_state(self) -> Tuple[List[float], float]:
        """The answer to "reset": the first state, and the seconds it took."""
        with Naming(self):
            answer = expect(receive(self._connection), "state")
            return numbers(answer, "state", self.states), number(answer, "seconds")

    def receive_result(self) -> Result:
        """The answer to "execute"."""
        with Naming(self):
            answer = expect(receive(self._connection), "step")
            return Result(
                numbers(answer, "state", self.states), number(answer, "reward"), boolean(answer, "terminal"),
                number(answer, "drag"), number(answer, "lift"), number(answer, "seconds"),
            )

    def close(self) -> None:
        """Takes leave, if anyone still listens."""
        try:
            send(self._connection, {"type": "close"})
        except ProtocolError:
            pass
        self._connection.close()


class Naming:
    """Turns a ProtocolError inside into a ServerError that names the client's server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if isinstance(error, ProtocolError):
            raise ServerError(f"server {self._client.name}: {error}") from error


def connect(host: str, port: int, deadline: float) -> Client:
    """Connects to a server, trying until time.monotonic() reaches `deadline` while nothing listens there.

    @raises ServerError when nobody listened in time, or whoever did is not such a server
    """
    name = f"{host}:{port}"
    while True:
        try:
            return Client(socket.create_connection((host, port), timeout=HANDSHAKE_SECONDS), name)
        except OSError as error:
            if time.monotonic() + RETRY_SECONDS > deadline:
                raise ServerError(f"server {name}: nobody listens there: {error.strerror or error}") from error
        time.sleep(RETRY_SECONDS)
