"""Starting simulation servers as processes, watching them, and stopping them all."""

import os
import selectors
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Mapping

HERE = Path(__file__).resolve().parent
STOP_SECONDS = 5.0


class ServerDied(RuntimeError):
    """A process that should be running is not."""


class Servers:
    """A context in which processes run: leaving it, in whatever way, ends them all."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._processes: List[subprocess.Popen] = []
        self._pipes: Dict[int, int] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            signal_group(process, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
                process.wait()
            if process.stdin:
                process.stdin.close()

    def develop(self, baseline: Path) -> None:
        """Runs develop_baseline.py to its end. @raises ServerDied when it fails"""
        process = self._start("develop_baseline.py", [str(baseline)], ())
        if process.wait() != 0:
            raise ServerDied(f"developing the flow failed with exit code {process.returncode}")

    def start(self, port: int, bound: socket.socket, baseline: Path) -> None:
        """Starts a server on a bound socket."""
        ours, theirs = os.pipe()
        try:
            self._start(
                "simulation_server.py",
                ["--socket", str(bound.fileno()), "--ready", str(theirs), "--baseline", str(baseline)],
                (bound.fileno(), theirs),
            )
        finally:
            os.close(theirs)
        self._pipes[port] = ours
        self._selector.register(ours, selectors.EVENT_READ, port)

    def await_ready(self) -> None:
        """Returns once every server listens. @raises ServerDied when one ends before"""
        waiting = set(self._pipes)
        while waiting:
            waiting -= self._read_pipes()

    def watch(self) -> None:
        """Never returns. @raises ServerDied when a server ends"""
        while True:
            self._read_pipes()

    def _read_pipes(self) -> "set[int]":
        """The ports whose server has just become ready. A pipe's end of file is its server's death."""
        ready = set()
        for key, _ in self._selector.select():
            if not os.read(key.fd, 1):
                raise ServerDied(f"the server on port {key.data} died")
            ready.add(key.data)
        return ready

    def _start(self, script: str, arguments: List[str], descriptors: "tuple[int, ...]") -> subprocess.Popen:
        # Standard input is the lifeline. A session of its own: a Ctrl-C reaches the launcher alone, which decides, and
        # a compiler that the process runs can be ended with it. What FEniCS prints is not our output.
        process = subprocess.Popen(
            [sys.executable, str(HERE / script), *arguments],
            env=self._environment, stdin=subprocess.PIPE, stdout=sys.stderr, pass_fds=descriptors,
            start_new_session=True,
        )
        self._processes.append(process)
        return process


def signal_group(process: subprocess.Popen, number: int) -> None:
    """Signals a process and its children, if it still runs."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
