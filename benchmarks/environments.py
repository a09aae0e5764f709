"""Other libraries, each in an environment of its own in benchmarks/cells/env: built where it is not there, some minutes and GB."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from report import CELLS

ENVIRONMENTS = {"nixtla": ["neuralforecast==3.3.0", "statsforecast"], "darts": ["u8darts[torch]"]}
HOME = {"neuralforecast": "nixtla", "statsforecast": "nixtla", "darts": "darts"}
ONE = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}  # one thread, no GPU


def environment(name: str) -> Path:
    """The Python of a library's own environment."""
    home = CELLS / "env" / name
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *ENVIRONMENTS[name]], check=True)
        (home / "done").touch()
    return home / "bin" / "python"


def answer(*command: str | Path, limit: float | None = None) -> dict[str, Any]:
    """The arrays of the .npz that a command writes to the path it is given last, on one thread; limit: wall seconds at most."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.npz"
        subprocess.run(
            [*command, out],
            check=True,
            timeout=limit,
            env={**os.environ, **ONE},
            cwd=folder,
            capture_output=True,
        )
        with np.load(out) as found:
            return dict(found)


def elsewhere(script: str, task: Mapping[str, Any], model: str, limit: float | None = None) -> dict[str, Any]:
    """What a script of this folder, such as peer.py, makes of a task in the environment of the model's library."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "task.npz"
        np.savez(given, **task)
        return answer(
            environment(HOME[model.split(".")[0]]), Path(__file__).parent / script, given, model, limit=limit
        )
