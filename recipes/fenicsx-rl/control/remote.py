"""Simulation servers as one vectorised environment of Stable-Baselines3."""

import socket
import time
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from protocol import HELLO, Line, ProtocolError

RETRY_SECONDS = 0.5
ANSWER_SECONDS = 600.0


class ServerError(Exception):
    """A server can't be reached, or does not behave. The message names it."""


class RemoteFlows(VecEnv):
    """One flow a server. All get their actions before any is waited for, so the servers compute at the same time.

    Answers are taken in a fixed order, so that a seed decides the whole training.
    """

    def __init__(self, host: str, ports: list[int], wait: float) -> None:
        """Connects, trying for `wait` seconds. @raises ServerError"""
        deadline = time.monotonic() + wait
        self._names = [f"{host}:{port}" for port in ports]
        self._lines = [connect(host, port, deadline) for port in ports]
        hellos = [self._receive(i, "hello", "observation", "actions") for i in range(len(ports))]
        for name, hello in zip(self._names, hellos):
            if hello["hello"] != HELLO or hello != hellos[0]:
                raise ServerError(f"server {name} says {hello}, expected {hellos[0] | {'hello': HELLO}}")
        self.actions = int(hellos[0]["actions"])
        observations = gymnasium.spaces.Box(-np.inf, np.inf, (int(hellos[0]["observation"]),), np.float32)
        super().__init__(len(ports), observations, gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32))

    def reset(self) -> np.ndarray:
        for i in range(self.num_envs):
            self._send(i, {"do": "reset"})
        return np.stack([self._observation(i, self._receive(i, "observation")) for i in range(self.num_envs)])

    def step_async(self, actions: np.ndarray) -> None:
        for i, action in enumerate(actions):
            self._send(i, {"do": "step", "action": float(action[0])})

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, done, infos = [], [], [], []
        for i in range(self.num_envs):
            answer = self._receive(i, "observation", "reward", "truncated", "drag", "lift")
            observation = self._observation(i, answer)
            info = {"drag": answer["drag"], "lift": answer["lift"], "TimeLimit.truncated": answer["truncated"]}
            if answer["truncated"]:
                info["terminal_observation"] = observation
                self._send(i, {"do": "reset"})
                observation = self._observation(i, self._receive(i, "observation"))
            observations.append(observation)
            rewards.append(float(answer["reward"]))
            done.append(bool(answer["truncated"]))
            infos.append(info)
        return np.stack(observations), np.array(rewards, np.float32), np.array(done), infos

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def _observation(self, i: int, answer: dict) -> np.ndarray:
        observation = np.array(answer["observation"], np.float32)
        if observation.shape != self.observation_space.shape:
            raise ServerError(f"server {self._names[i]} sent {observation.shape} of {self.observation_space.shape}")
        return observation

    def _send(self, i: int, message: dict) -> None:
        try:
            self._lines[i].send(message)
        except ProtocolError as error:
            raise ServerError(f"server {self._names[i]}: {error}") from error

    def _receive(self, i: int, *fields: str) -> dict:
        try:
            return self._lines[i].receive(*fields)
        except ProtocolError as error:
            raise ServerError(f"server {self._names[i]}: {error}") from error

    # what VecEnv asks of environments in the same process

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        # the only one that Stable-Baselines3 asks for
        if attr_name == "render_mode":
            return [None] * self.num_envs
        raise AttributeError(attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def connect(host: str, port: int, deadline: float) -> Line:
    """Connects to a server, trying until time.monotonic() is `deadline`. @raises ServerError"""
    while True:
        try:
            return Line(socket.create_connection((host, port), timeout=ANSWER_SECONDS))
        except OSError as error:
            if time.monotonic() + RETRY_SECONDS > deadline:
                raise ServerError(f"server {host}:{port}: nobody listens there: {error}") from error
        time.sleep(RETRY_SECONDS)
