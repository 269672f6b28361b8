"""The protocol: what is sent is received, and what is hostile is refused."""

import json
import signal
import socket
import struct
import unittest

from protocol import (
    MAX_BYTES, PROTOCOL, VERSION, PeerClosed, ProtocolError, boolean, check_hello, expect, number, numbers,
    positive_integer, receive, send,
)


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


class ProtocolTest(unittest.TestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(0.2)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def test_receive_gives_back_what_was_sent(self) -> None:
        for message in ({"type": "hello"}, {"type": "step", "state": [0.1, -1e-17, 3.0], "terminal": False, "ü": None}):
            send(self.theirs, message)
            self.assertEqual(receive(self.ours), message)

    def test_receive_keeps_messages_apart_however_they_arrive(self) -> None:
        stream = framed(b'{"type":"a"}') + framed(b'{"type":"b"}')
        for i in range(0, len(stream), 5):
            self.theirs.sendall(stream[i:i + 5])
        self.assertEqual([receive(self.ours)["type"], receive(self.ours)["type"]], ["a", "b"])

    def test_receive_refuses_hostile_input(self) -> None:
        bodies = {
            "announced a message of 4294967295": b"\xff\xff\xff\xff",
            f"announced a message of {MAX_BYTES + 1}": struct.pack(">I", MAX_BYTES + 1),
            "announced a message of 0": framed(b""),
            "announced a message of 1195725856": b"GET / HTTP/1.1\r\n\r\n",
            "not JSON": framed(b"\x80\x04]\x94."),
            "23 bytes that are not JSON": framed(b'{"type":"a","x":  NaN }'),
            "60000 bytes that are not JSON": framed(b"[" * 60000),
            "sent JSON that is not an object": framed(b"[1]"),
            "object with a \"type\"": framed(b'{"type":1}'),
        }
        for reason, raw in bodies.items():
            with self.subTest(reason):
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    theirs.sendall(raw)
                    with self.assertRaisesRegex(ProtocolError, reason):
                        receive(ours)

    def test_receive_says_when_the_peer_hangs_up(self) -> None:
        self.theirs.sendall(framed(b'{"type":"a"}')[:7])
        self.theirs.close()
        with self.assertRaisesRegex(PeerClosed, "in the middle of a message"):
            receive(self.ours)

    def test_receive_does_not_wait_for_ever(self) -> None:
        with self.assertRaisesRegex(ProtocolError, "nothing in time"):
            receive(self.ours)

    def test_send_refuses_what_the_peer_would_refuse(self) -> None:
        with self.assertRaises(ProtocolError):
            send(self.ours, {"type": "a", "x": "y" * MAX_BYTES})
        with self.assertRaises(ValueError):
            send(self.ours, {"type": "a", "x": float("nan")})

    def test_send_survives_a_gone_peer_even_where_sigpipe_kills(self) -> None:
        self.addCleanup(signal.signal, signal.SIGPIPE, signal.signal(signal.SIGPIPE, signal.SIG_DFL))
        self.theirs.close()
        for _ in range(2):
            with self.assertRaises(PeerClosed):
                send(self.ours, {"type": "a"})

    def test_check_hello_wants_this_protocol_and_version(self) -> None:
        hello = {"type": "hello", "protocol": PROTOCOL, "version": VERSION}
        self.assertEqual(check_hello(hello), hello)
        for wrong in ({**hello, "version": VERSION + 1}, {**hello, "protocol": "ftp"}, {"type": "hello"}):
            with self.assertRaisesRegex(ProtocolError, "expected 'stillroom-flow' version 1"):
                check_hello(wrong)

    def test_expect_hands_on_the_peers_reason(self) -> None:
        with self.assertRaisesRegex(ProtocolError, "refused: busy"):
            expect({"type": "error", "message": "busy"}, "state")
        with self.assertRaisesRegex(ProtocolError, "sent 'bye', expected 'state'"):
            expect({"type": "bye"}, "state")

    def test_fields_have_types(self) -> None:
        message = json.loads('{"type":"t","f":1.5,"l":[1,2],"b":true,"i":3,"huge":1e999,"s":"1","deep":[[1],[2]]}')
        self.assertEqual(number(message, "f"), 1.5)
        self.assertEqual(numbers(message, "l", 2), [1.0, 2.0])
        self.assertEqual(positive_integer(message, "i"), 3)
        self.assertIs(boolean(message, "b"), True)
        for field in ("b", "huge", "s", "l", "none"):
            with self.assertRaises(ProtocolError):
                number(message, field)
        for field in ("f", "deep", "none"):
            with self.assertRaises(ProtocolError):
                numbers(message, field, 2)
        with self.assertRaises(ProtocolError):
            numbers(message, "l", 3)


if __name__ == "__main__":
    unittest.main()
