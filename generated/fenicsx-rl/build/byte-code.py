"""Compiles every Python source whose path stands on standard input, each ended by NUL; with `--present` only those that
have byte code.

The byte code depends on the sources alone: no time in it, and a fixed PYTHONHASHSEED decides the order of constant sets.
Since marshal writes a string in another way when something else in the process happens to hold it, too, each batch of
neighbours is compiled by a process of its own, one after the other: what else it holds is the same in every build, on
however many processors. Files for other Pythons don't compile; that is no error.
"""

import compileall
import gc
import os
import py_compile
import sys
from importlib.util import cache_from_source

BATCH = 64
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def in_child(work, *args):
    pid = os.fork()
    if pid == 0:
        try:
            work(*args)
            os._exit(0)
        except BaseException as error:
            print('byte-code: %r' % error, file=sys.stderr)
            os._exit(1)


def compile_batch(paths):
    for path in paths:
        compileall.compile_file(path, force=True, quiet=2, invalidation_mode=UNCHECKED)


def wait_for_one():
    status = os.wait()[1]
    if status != 0:
        raise ChildProcessError('a compiling process ended with status %d' % status)


if __name__ == '__main__':
    gc.disable()
    gc.freeze()  # a child touches, and so copies, less memory
    found = sorted(os.fsdecode(path) for path in sys.stdin.buffer.read().split(b'\0') if path)
    if sys.argv[1:] == ['--present']:
        found = [path for path in found if os.path.exists(cache_from_source(path))]
    running = 0
    for start in range(0, len(found), BATCH):
        if running == (os.cpu_count() or 1):
            wait_for_one()
            running -= 1
        in_child(compile_batch, found[start : start + BATCH])
        running += 1
    for _ in range(running):
        wait_for_one()
