"""Work in a process of its own that is killed at a moment of one's choice."""

import os
import signal
import sys

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


def in_a_child(work, at=None):
    """Do some work, killed at the `at`-th time that it touches a run folder; how often it did, 0 where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        seen = 0

        def count(event, arguments):
            nonlocal seen
            if event in EVENTS and "/run/" in str(arguments[0]):
                seen += 1
                if seen == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            work()
            os.write(writing, str(seen).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        touched = answer.read()
    os.waitpid(child, 0)
    return int(touched or 0)
