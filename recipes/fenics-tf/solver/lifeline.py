"""A child's tie to the process that started it: standard input, kept open by the parent and by nobody else."""

import os
import signal
import threading


def end_with_parent() -> None:
    """From now on, when the parent is gone (even killed), this process and its children (a compiler) go too.

    Needs standard input to be a pipe from the parent, and this process to lead a process group of its own.
    """

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()
