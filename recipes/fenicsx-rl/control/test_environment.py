"""The environment, in this process and behind a socket."""

import socket
import threading
import unittest
from dataclasses import replace

import numpy as np
from gymnasium.utils.env_checker import check_env

from case import Case
from environment import FlowEnv, develop
from flow import Flow, probe
from jets import jet_profile
from protocol import Line, ProtocolError
from remote import RemoteFlows, ServerError
from server import serve

SHORT = replace(Case(), develop_time=0.2, kick_time=0.2, steps_per_action=3, actions_per_episode=4)
ACTIONS = np.array([[0.5], [-1.0], [0.25], [1.0]])


class EnvironmentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.developed = develop(SHORT)
        cls.env = FlowEnv(SHORT, cls.developed)

    def test_is_one_of_gymnasium(self) -> None:
        check_env(self.env, skip_render_check=True)

    def test_steps_deterministically(self) -> None:
        """To the byte: after a reset, in another environment, from a flow that was developed again."""
        first, again = episode(self.env), episode(self.env)
        other = episode(FlowEnv(SHORT, develop(SHORT)))
        np.testing.assert_array_equal(first, again)
        np.testing.assert_array_equal(first, other)
        self.assertGreater(np.ptp(first[:, -1]), 0)

    def test_behind_sockets_is_the_same(self) -> None:
        with Loopback(self.env) as port, Loopback(FlowEnv(SHORT, self.developed)) as other:
            flows = RemoteFlows("127.0.0.1", [port, other], wait=10)
            self.addCleanup(flows.close)
            rows = [flows.reset()[0]]
            for action in ACTIONS:
                observations, rewards, done, infos = flows.step(np.array([action, action]))
                np.testing.assert_array_equal(observations[0], observations[1])
                last = infos[0].get("terminal_observation", observations[0])
                rows.append(np.append(last, rewards[0]))
            np.testing.assert_array_equal(np.stack(rows[1:]), episode(self.env).astype(np.float32))
            self.assertTrue(done.all())
            # which has begun the next episode
            np.testing.assert_array_equal(observations[0], rows[0])

    def test_says_who_does_not_behave(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            threading.Thread(target=lambda: Line(listener.accept()[0]).send({"hello": "another"}), daemon=True).start()
            with self.assertRaisesRegex(ServerError, f"server 127.0.0.1:{port}: the peer sent .*another"):
                RemoteFlows("127.0.0.1", [port], wait=0)
        with self.assertRaisesRegex(ServerError, f"server 127.0.0.1:{port}: nobody listens there"):
            RemoteFlows("127.0.0.1", [port], wait=0)


class FlowTest(unittest.TestCase):
    def test_jets_blow_as_much_as_they_suck(self) -> None:
        angles = np.linspace(0, 2 * np.pi, 100_001)[:-1]
        circle = SHORT.radius * np.column_stack([np.cos(angles), np.sin(angles)])
        outwards = (jet_profile(circle, SHORT) * circle / SHORT.radius).sum(axis=1)
        element = 2 * np.pi * SHORT.radius / len(angles)
        self.assertAlmostEqual(outwards.sum() * element, 0, places=6)
        self.assertAlmostEqual(np.abs(outwards).sum() * element, 2, places=3)

    def test_probes_are_exact_for_linear_functions(self) -> None:
        space = Flow(SHORT).pressure_space
        x, y = space.tabulate_dof_coordinates()[:, :2].T
        points = np.array([[1.0, 0.5], [-1.5, -1.2], [7.3, 0.0]])
        values = probe(space, points) @ (1 + 2 * x - 3 * y)
        np.testing.assert_allclose(values, 1 + 2 * points[:, 0] - 3 * points[:, 1], atol=1e-12)
        with self.assertRaisesRegex(ValueError, "not in the flow"):
            probe(space, np.array([[0.0, 0.0]]))


class Loopback:
    """A server of one environment in a thread: its port."""

    def __init__(self, env: FlowEnv) -> None:
        self._env = env

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self._listener.getsockname()[1]

    def _serve(self) -> None:
        try:
            serve(self._env, Line(self._listener.accept()[0]))
        except ProtocolError:
            pass  # the trainer hung up

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def episode(env: FlowEnv) -> np.ndarray:
    """What the actions lead to: an observation and a reward a row."""
    env.reset()
    rows = []
    for action in ACTIONS:
        observation, reward, *_ = env.step(action)
        rows.append(np.append(observation, reward))
    return np.stack(rows)


if __name__ == "__main__":
    unittest.main()
