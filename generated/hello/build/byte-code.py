"""Compiles every Python source that a step brought, newer than the mark: `byte-code.py MARK DIRECTORY...`.

The byte code depends on its source alone: no time in it, and a fixed PYTHONHASHSEED decides the order of constant
sets. Files for other Pythons don't compile; that is no error.
"""

import compileall
import concurrent.futures
import os
import py_compile
import sys


def sources(root, mark):
    for directory, _, files in os.walk(root):
        for name in files:
            path = os.path.join(directory, name)
            if name.endswith('.py') and os.lstat(path).st_ctime_ns > mark:
                yield path


def compile_one(path):
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_file(path, force=True, quiet=2, invalidation_mode=mode)


if __name__ == '__main__':
    mark = os.stat(sys.argv[1]).st_ctime_ns
    found = sorted({path for root in sys.argv[2:] for path in sources(root, mark)})
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for _ in pool.map(compile_one, found, chunksize=32):
            pass
