"""The language of trainer and server: JSON objects, each after its length in bytes (4, big-endian, unsigned).

    trainer                                   server
    {"type": "hello", protocol, version}  ->  {"type": "hello", protocol, version, states, actions, steps, drag, lift}
    {"type": "reset"}                     ->  {"type": "state", state, seconds}
    {"type": "execute", action}           ->  {"type": "step", state, reward, terminal, drag, lift, seconds}
    {"type": "close"}                     ->  {"type": "bye"}

In place of any answer the server may send {"type": "error", message}, and hangs up. Nothing received is ever
executed or unpickled, and no field is used before its type is checked.
"""

import json
import socket
import struct
from typing import Any, Dict, List

PROTOCOL = "stillroom-flow"
VERSION = 1
MAX_BYTES = 1 << 16

Message = Dict[str, Any]


class ProtocolError(Exception):
    """The peer said something that is not of this protocol, or refused."""


class PeerClosed(ProtocolError):
    """The peer hung up."""


def send(connection: socket.socket, message: Message) -> None:
    """Sends one message. @raises ProtocolError when it is too large or the peer is gone"""
    body = json.dumps(message, allow_nan=False).encode("utf-8")
    if len(body) > MAX_BYTES:
        raise ProtocolError(f"cannot send {len(body)} bytes, at most {MAX_BYTES} are allowed")
    try:
        # PETSc gives SIGPIPE its deadly default back, so it must not be raised.
        connection.sendall(struct.pack(">I", len(body)) + body, socket.MSG_NOSIGNAL)
    except socket.timeout as error:
        raise ProtocolError("the peer takes nothing more: timed out") from error
    except OSError as error:
        raise PeerClosed(f"the peer hung up: {error.strerror or error}") from error


def receive(connection: socket.socket) -> Message:
    """Receives one message: an object with a string "type". @raises PeerClosed @raises ProtocolError"""
    (size,) = struct.unpack(">I", read_exactly(connection, 4))
    if not 2 <= size <= MAX_BYTES:
        raise ProtocolError(f"announced a message of {size} bytes, expected 2 to {MAX_BYTES}")
    body = read_exactly(connection, size)
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=reject_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"sent {size} bytes that are not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("sent JSON that is not an object with a \"type\"")
    return message


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Reads `size` bytes, however they are cut into packets."""
    parts: List[bytes] = []
    missing = size
    while missing:
        try:
            part = connection.recv(missing)
        except socket.timeout as error:
            raise ProtocolError("sent nothing in time") from error
        except OSError as error:
            raise PeerClosed(f"the peer hung up: {error.strerror or error}") from error
        if not part:
            raise PeerClosed("the peer hung up" + (" in the middle of a message" if missing < size else ""))
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def expect(message: Message, kind: str) -> Message:
    """The message itself, when it is of this type. @raises ProtocolError with the peer's own words, if it refused"""
    if message["type"] == "error":
        raise ProtocolError(f"refused: {str(message.get('message'))[:500]}")
    if message["type"] != kind:
        raise ProtocolError(f"sent {message['type'][:40]!r}, expected {kind!r}")
    return message


def check_hello(message: Message) -> Message:
    """The message itself, when it is a hello of this protocol and version."""
    expect(message, "hello")
    spoken = (message.get("protocol"), message.get("version"))
    if spoken != (PROTOCOL, VERSION):
        raise ProtocolError(f"speaks {str(spoken[0])[:40]!r} version {str(spoken[1])[:40]}, "
                            f"expected {PROTOCOL!r} version {VERSION}")
    return message


def number(message: Message, field: str) -> float:
    """A field that must be a finite number."""
    value = message.get(field)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e300 < value < 1e300:
        raise ProtocolError(f"{message['type']}.{field} is not a finite number")
    return float(value)


def numbers(message: Message, field: str, count: int) -> List[float]:
    """A field that must be a list of `count` finite numbers."""
    values = message.get(field)
    if not isinstance(values, list) or len(values) != count:
        raise ProtocolError(f"{message['type']}.{field} is not a list of {count} numbers")
    return [number({"type": message["type"], field: value}, field) for value in values]


def positive_integer(message: Message, field: str) -> int:
    """A field that must be an integer of 1 to a million."""
    value = message.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**6:
        raise ProtocolError(f"{message['type']}.{field} is not a positive integer")
    return value


def boolean(message: Message, field: str) -> bool:
    """A field that must be true or false."""
    value = message.get(field)
    if not isinstance(value, bool):
        raise ProtocolError(f"{message['type']}.{field} is neither true nor false")
    return value


def reject_constant(name: str) -> None:
    """NaN and the infinities are not JSON (RFC 8259, section 6)."""
    raise ValueError(f"{name} is not JSON")
