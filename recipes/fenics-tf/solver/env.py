"""The tensorforce environment: a simulation behind a socket."""

from typing import Any, Dict, List, Tuple

from tensorforce.environments import RemoteEnvironment

from client import Client, Result

ABORTED = 2  # tensorforce's word for an episode that was cut by its time limit: its last state is not an end


class FlowEnvironment(RemoteEnvironment):
    """The environment of one connected simulation server.

    Tensorforce's runner first sends every environment its action and then collects the answers in a fixed order
    (`blocking`), so the servers compute at the same time and a seed still decides the whole training. The transport is
    ours: tensorforce's own SocketEnvironment expects every recv to be complete, and listens on all interfaces.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(connection=client, blocking=True)

    @property
    def client(self) -> Client:
        """The connection to the server."""
        return self._connection

    def states(self) -> Dict[str, Any]:
        """Pressures at the probes."""
        return {"type": "float", "shape": (self.client.states,)}

    def actions(self) -> Dict[str, Any]:
        """The upper jet's flux, as a part of the largest one."""
        return {"type": "float", "shape": (self.client.actions,), "min_value": -1.0, "max_value": 1.0}

    def max_episode_timesteps(self) -> int:
        """Actions in an episode."""
        return self.client.steps

    def is_vectorizable(self) -> bool:
        """One flow a server."""
        return False

    def num_actors(self) -> int:
        """One agent a flow."""
        return 1

    def close(self) -> None:
        """Takes leave of the server."""
        self.client.close()

    @classmethod
    def proxy_send(cls, connection: Client, function: str, kwargs: Dict[str, Any]) -> None:
        """Sends what the runner calls: "reset", or "execute" with its actions."""
        message: Dict[str, Any] = {"type": function}
        if function == "execute":
            message["action"] = [float(value) for value in kwargs["actions"]]
        connection.request(message)

    @classmethod
    def proxy_close(cls, connection: Client) -> None:
        """Called by the runner's side after an error."""
        connection.close()

    def receive(self, function: str) -> Tuple[Any, ...]:
        """The answer to what was sent: (state, seconds), or (state, terminal, reward, seconds)."""
        self._expect_receive = None
        if function == "reset":
            self.client.episode = []
            return self.client.receive_state()
        result = self.client.receive_result()
        self.client.episode.append(result)
        return result.state, ABORTED if result.terminal else 0, result.reward, result.seconds

    def episode(self) -> List[Result]:
        """The results of the episode that is going on, or has just ended."""
        return self.client.episode
