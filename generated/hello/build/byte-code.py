"""Compiles every Python source whose path stands on standard input, each ended by NUL.

The byte code depends on its source alone: no time in it, a fixed PYTHONHASHSEED decides the order of constant sets,
and a process of its own compiles each file, since marshal writes a string in another way when something else in the
process happens to hold it, too. Files for other Pythons don't compile; that is no error.
"""

import compileall
import gc
import os
import py_compile
import sys

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
    return pid


def finish(pid):
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise ChildProcessError('a compiling process ended with status %d' % status)


def compile_one(path):
    compileall.compile_file(path, force=True, quiet=2, invalidation_mode=UNCHECKED)


def compile_all(paths):
    for path in paths:
        finish(in_child(compile_one, path))


if __name__ == '__main__':
    gc.disable()
    gc.freeze()  # a child touches, and so copies, less memory
    found = sorted(os.fsdecode(path) for path in sys.stdin.buffer.read().split(b'\0') if path)
    count = os.cpu_count() or 1
    for pid in [in_child(compile_all, found[start::count]) for start in range(count)]:
        finish(pid)
