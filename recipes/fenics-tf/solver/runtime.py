"""The environment that simulation processes run in: quiet, single-threaded, and writing only where they may."""

import os
from pathlib import Path
from typing import Dict, Mapping

QUIET_AND_LOCAL = {
    # One core a server; the matrices are too small for threads.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # FEniCS initialises MPI even when alone. Alone, it needs no daemon (which would outlive us) and no interface.
    "OMPI_MCA_ess_singleton_isolated": "1",
    "OMPI_MCA_btl": "self",
    # The sources may be read-only.
    "PYTHONDONTWRITEBYTECODE": "1",
}


def simulation_environment(scratch: Path, inherited: Mapping[str, str] = os.environ) -> Dict[str, str]:
    """The environment of a simulation process whose temporary files go to `scratch`. What the user set stays."""
    environment = {**QUIET_AND_LOCAL, **inherited, "TMPDIR": str(scratch)}
    environment["DIJITSO_CACHE_DIR"] = str(jit_cache(scratch, inherited))
    return environment


def jit_cache(scratch: Path, inherited: Mapping[str, str] = os.environ) -> Path:
    """Where FEniCS keeps what it compiled: DIJITSO_CACHE_DIR, else its own default, ~/.cache/dijitso.

    Where the default cannot be written (a read-only home, a user without one), a directory in `scratch`.
    @raises OSError when DIJITSO_CACHE_DIR is set and cannot be made
    """
    chosen = inherited.get("DIJITSO_CACHE_DIR")
    if chosen:
        path = Path(chosen).expanduser().absolute()
        path.mkdir(parents=True, exist_ok=True)
        return path
    default = Path(os.path.expanduser("~")) / ".cache" / "dijitso"
    try:
        default.mkdir(parents=True, exist_ok=True)
    except OSError:
        return scratch / "dijitso"
    return default if os.access(default, os.W_OK | os.X_OK) else scratch / "dijitso"
