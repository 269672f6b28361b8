"""Compiles what FEniCS compiles just in time, and develops the flow that the servers start from.

A process of its own, before the servers: so the compiler runs once and not once a server.
"""

import argparse
from pathlib import Path

from lifeline import end_with_parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("baseline", type=Path, help="the .npz to write")
    options = parser.parse_args()

    end_with_parent()

    from baseline import develop, save_baseline
    from case import Case

    save_baseline(options.baseline, develop(Case()))


if __name__ == "__main__":
    main()
