"""A server's session and a trainer's client, over a real socket, with a simulation that does not simulate."""

import socket
import threading
import time
import unittest
from types import SimpleNamespace
from typing import List

from client import Client, ServerError, connect
from protocol import ProtocolError, receive, send
from session import hold_session, visitors


class Dummy:
    """Two actions an episode; an action of 1 diverges."""

    case = SimpleNamespace(actions_per_episode=2)
    baseline = SimpleNamespace(drag=3.0, lift=0.5)
    observation_size = 2

    def reset(self) -> List[float]:
        self.actions = 0
        return [0.0, 0.0]

    def execute(self, action: float) -> SimpleNamespace:
        if action == 1.0:
            raise ArithmeticError("the flow diverged")
        self.actions += 1
        return SimpleNamespace(
            observation=[action, -action], reward=-action, terminal=self.actions == 2, drag=3.0, lift=0.0)


class SessionTest(unittest.TestCase):
    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]
        self.errors: List[str] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        for connection in visitors(self.listener):
            try:
                hold_session(connection, Dummy())  # type: ignore[arg-type]
            except ProtocolError as error:
                self.errors.append(str(error))

    def connect(self) -> Client:
        client = connect("127.0.0.1", self.port, time.monotonic() + 5)
        self.addCleanup(client.close)
        return client

    def test_an_episode(self) -> None:
        client = self.connect()
        self.assertEqual((client.states, client.actions, client.steps, client.drag), (2, 1, 2, 3.0))
        client.request({"type": "reset"})
        self.assertEqual(client.receive_state()[0], [0.0, 0.0])
        results = []
        for action in (0.25, -0.5):
            client.request({"type": "execute", "action": [action]})
            results.append(client.receive_result())
        self.assertEqual([(r.state, r.reward, r.terminal) for r in results],
                         [([0.25, -0.25], -0.25, False), ([-0.5, 0.5], 0.5, True)])

    def test_one_trainer_after_another(self) -> None:
        for _ in range(3):
            client = self.connect()
            client.request({"type": "reset"})
            client.receive_state()
            client.close()
            time.sleep(0.05)
        self.assertEqual(self.errors, [])

    def test_a_second_trainer_is_told_that_the_server_is_busy(self) -> None:
        self.connect()
        with self.assertRaisesRegex(ServerError, rf"server 127.0.0.1:{self.port}: refused: .*busy"):
            self.connect()

    def test_bad_requests_are_refused_and_the_server_goes_on(self) -> None:
        reset = {"type": "reset"}
        for messages, reason in (
            ([{"type": "execute", "action": [0.0]}], "needs a 'reset' first"),
            ([reset, {"type": "execute", "action": "left"}], "not a list of 1 numbers"),
            ([reset, {"type": "execute", "action": [0.0, 0.0]}], "not a list of 1 numbers"),
            ([{"type": "__class__"}], "unknown request"),
            ([reset, {"type": "execute", "action": [1.0]}], "the flow diverged"),
        ):
            with self.subTest(reason):
                client = self.connect()
                for message in messages:
                    client.request(message)
                if messages[0] is reset:
                    client.receive_state()
                with self.assertRaisesRegex(ServerError, f"refused: .*{reason}"):
                    client.receive_result()
                time.sleep(0.05)

    def test_a_stranger_is_told_what_was_expected(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as stranger:
            send(stranger, {"type": "hello", "protocol": "ftp", "version": 9})
            answer = receive(stranger)
        self.assertEqual(answer["type"], "error")
        self.assertIn("expected 'stillroom-flow' version 1", answer["message"])

    def test_connect_gives_up_in_time_and_names_the_server(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with self.assertRaisesRegex(ServerError, f"server 127.0.0.1:{port}: nobody listens there"):
                connect("127.0.0.1", port, time.monotonic() + 0.6)


if __name__ == "__main__":
    unittest.main()
