"""What trainer and server say to each other: JSON objects, one a line.

    trainer                        server
    (connects)                     {"hello": "stillroom-fenicsx 1", "observation": n, "actions": of an episode}
    {"do": "reset"}            ->  {"observation": [...]}
    {"do": "step", "action": a} -> {"observation": [...], "reward", "truncated", "drag", "lift"}

In place of any answer the server may send {"error": reason}, and hangs up. Nothing that is received is executed.
"""

import json
import socket

HELLO = "stillroom-fenicsx 1"
MAX_BYTES = 1 << 16


class ProtocolError(Exception):
    """The peer hung up, refused, or said something else than was expected."""


class Line:
    """A connection, spoken over in lines."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._reader = connection.makefile("rb")

    def send(self, message: dict) -> None:
        """Sends one message. @raises ProtocolError"""
        try:
            # PETSc gives SIGPIPE its deadly default back, so it must not be raised
            self._connection.sendall(json.dumps(message, allow_nan=False).encode() + b"\n", socket.MSG_NOSIGNAL)
        except OSError as error:
            raise ProtocolError(f"the peer hung up: {error}") from error

    def receive(self, *fields: str) -> dict:
        """Receives one message, which must have these fields. @raises ProtocolError"""
        try:
            text = self._reader.readline(MAX_BYTES)
        except OSError as error:
            raise ProtocolError(f"the peer hung up: {error}") from error
        if not text.endswith(b"\n"):
            raise ProtocolError(f"the peer hung up after {len(text)} bytes of a message")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"the peer sent {text[:40]!r}, expected JSON") from error
        if not isinstance(message, dict):
            raise ProtocolError(f"the peer sent {text[:40]!r}, expected an object")
        if "error" in message:
            raise ProtocolError(f"the peer refused: {message['error']}")
        missing = [field for field in fields if field not in message]
        if missing:
            raise ProtocolError(f"the peer sent {text[:40]!r}, expected the fields {', '.join(fields)}")
        return message

    def close(self) -> None:
        """Hangs up."""
        self._reader.close()
        self._connection.close()
