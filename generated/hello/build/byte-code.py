"""Compiles every Python source that a step brought, by the records of what was there: `byte-code.py BEFORE DIRECTORY...`.

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


def changes_of_sources(records):
    """The ctime, as find's %C@ gives it, of each source in records of layer.sh."""
    with open(records, 'rb') as file:
        for record in file.read().split(b'\0'):
            fields, _, path = record.partition(b'/')
            if path.endswith(b'.py') and not fields.startswith(b'd'):
                seconds, _, fraction = fields.split()[-1].decode().partition('.')
                yield '/' + os.fsdecode(path), (int(seconds), fraction.rstrip('0'))


def changed_at(path):
    seconds, nanoseconds = divmod(os.lstat(path).st_ctime_ns, 10**9)
    return seconds, ('%09d' % nanoseconds).rstrip('0')


def sources(root, known):
    for directory, _, files in os.walk(root):
        for name in files:
            path = os.path.join(directory, name)
            if name.endswith('.py') and known.get(path) != changed_at(path):
                yield path


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
    known = dict(changes_of_sources(sys.argv[1]))
    found = sorted({path for root in sys.argv[2:] for path in sources(root, known)})
    count = os.cpu_count() or 1
    for pid in [in_child(compile_all, found[start::count]) for start in range(count)]:
        finish(pid)
