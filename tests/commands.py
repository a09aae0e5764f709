"""`forecast ...` as a process of its own, quickly: a server that has imported everything forks one for each command.

The processes are real: exit codes, streams, environment, working directory and signals are their own. What the server saves
is the start of Python and the imports, which take longer than most commands.
"""

import atexit
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
_server: subprocess.Popen | None = None


def forecast(folder, *arguments):
    """The finished process of a command in a folder, its output as text."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "forecast", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place) / name for name in ("stdout", "stderr")]
        asked = {
            "folder": str(folder),
            "arguments": command[3:],
            "environment": environment,
            "streams": list(map(str, streams)),
        }
        server = _running()
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        if not answer:
            raise RuntimeError(f"the server of commands has ended with {server.wait()}")
        texts = [path.read_text(encoding="utf-8") for path in streams]
    return subprocess.CompletedProcess(command, int(answer), *texts)


def every_command():
    """The names of all commands."""
    from typer.main import get_command

    from forecast.cli import app

    return sorted(get_command(app).commands)


def _running() -> subprocess.Popen:
    """The server, which is started for the first command."""
    global _server
    if _server is None or _server.poll() is not None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        path = os.pathsep.join([str(HERE.parent), environment.get("PYTHONPATH", "")])
        _server = subprocess.Popen(
            [sys.executable, str(HERE / "commands.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHONPATH": path},
        )
        atexit.register(_stop)
    return _server


def _stop() -> None:
    if _server is not None:
        _server.stdin.close()
        _server.wait()


def serve() -> None:
    """Fork a process for each line of stdin, and answer with its exit code."""
    import plotly  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    import statsmodels.api  # noqa: F401
    import torch

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page that holds an object
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _become(asked)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _become(asked) -> None:
    """This process as the command; it does not return."""
    import forecast.cli

    code = 70
    try:
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        targets = [os.open(path, os.O_WRONLY | os.O_CREAT, 0o600) for path in asked["streams"]]
        for stream, target in enumerate([nothing, *targets]):
            os.dup2(target, stream)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
        sys.argv = ["forecast", *asked["arguments"]]
        sys.path.insert(0, "")
        code = _exit_code(forecast.cli.main)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _exit_code(main) -> int:
    """What the interpreter makes of how a program ends."""
    try:
        main()
    except SystemExit as end:
        if end.code is None:
            return 0
        if isinstance(end.code, int):
            return end.code
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        import traceback

        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
