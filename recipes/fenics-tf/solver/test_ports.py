"""Reserving ports: free ones are held, busy ones are named, impossible ones are errors."""

import io
import socket
import unittest
from contextlib import redirect_stderr, redirect_stdout

import launch_servers
from ports import port_range, release_ports, reserve_port, reserve_ports


class PortsTest(unittest.TestCase):
    def listener(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener

    def test_reserve_port_holds_a_free_port(self) -> None:
        probe = reserve_port("127.0.0.1", 0)
        assert probe is not None
        port = probe.getsockname()[1]
        probe.close()
        held = reserve_port("127.0.0.1", port)
        assert held is not None
        with held, self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)

    def test_reserve_port_finds_a_listener(self) -> None:
        self.assertIsNone(reserve_port("127.0.0.1", self.listener().getsockname()[1]))

    def test_reserve_port_finds_a_port_that_is_held_but_not_listening(self) -> None:
        held = reserve_port("127.0.0.1", 0)
        assert held is not None
        with held:
            self.assertIsNone(reserve_port("127.0.0.1", held.getsockname()[1]))

    def test_reserve_port_passes_over_a_connection_in_time_wait(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            connection, _ = listener.accept()
            connection.close()
            client.recv(1)
        listener.close()
        held = reserve_port("127.0.0.1", port)
        assert held is not None
        held.close()

    def test_reserve_ports_names_the_address_it_cannot_have(self) -> None:
        with self.assertRaisesRegex(OSError, "cannot listen on 192.0.2.1 port 40000"):
            reserve_ports("192.0.2.1", [40000])

    def test_port_range(self) -> None:
        self.assertEqual(port_range(43643, 2), [43643, 43644])
        for first, count in ((0, 1), (65535, 2), (70000, 1), (5000, 0), (-1, 1)):
            with self.assertRaises(ValueError):
                port_range(first, count)

    def test_launch_servers_starts_none_when_one_port_is_busy(self) -> None:
        busy = self.listener().getsockname()[1]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = launch_servers.launch("127.0.0.1", [busy])
        self.assertEqual(code, 1)
        self.assertRegex(out.getvalue(), rf"^host \S+ on port {busy} is BUSY\n$")
        self.assertIn("no server was started", err.getvalue())

    def test_release_ports_gives_them_back(self) -> None:
        reserved = reserve_ports("127.0.0.1", [0])
        release_ports(reserved)
        self.assertEqual(reserved[0].fileno(), -1)  # type: ignore[union-attr]


if __name__ == "__main__":
    unittest.main()
