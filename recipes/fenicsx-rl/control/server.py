"""One simulation server: a process of launch_servers.py, on a socket that is bound already. It ends with its launcher."""

import os
import socket
import sys
import threading

import numpy as np

from case import Case
from environment import FlowEnv
from protocol import HELLO, Line, ProtocolError


def serve(env: FlowEnv, line: Line) -> None:
    """Answers one trainer until it hangs up, or says what is not of the protocol. @raises ProtocolError"""
    size, actions = env.observation_space.shape[0], env.case.actions_per_episode
    line.send({"hello": HELLO, "observation": size, "actions": actions})
    episode = False
    while True:
        request = line.receive("do")
        try:
            if request["do"] == "reset":
                observation, _ = env.reset()
                episode = True
                line.send({"observation": observation.tolist()})
            elif request["do"] == "step" and episode:
                action = np.array([float(request["action"])])
                observation, reward, _, truncated, info = env.step(action)
                line.send({"observation": observation.tolist(), "reward": reward, "truncated": truncated, **info})
                episode = not truncated
            else:
                raise ValueError(f"unexpected request {str(request['do'])[:40]!r}")
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            line.send({"error": str(error)})
            raise ProtocolError(str(error)) from error


def end_with_launcher() -> None:
    """Ends this process when its standard input, a pipe that only the launcher holds, is closed."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    descriptor, developed = int(sys.argv[1]), sys.argv[2]
    end_with_launcher()
    with np.load(developed, allow_pickle=False) as arrays:
        env = FlowEnv(Case(), dict(arrays))
    listener = socket.socket(fileno=descriptor)
    listener.listen()
    port = listener.getsockname()[1]
    print(f"server on port {port} is ready", flush=True)
    while True:
        connection, _ = listener.accept()
        line = Line(connection)
        try:
            serve(env, line)
        except ProtocolError as error:
            print(f"port {port}: {error}", file=sys.stderr, flush=True)
        finally:
            line.close()


if __name__ == "__main__":
    main()
