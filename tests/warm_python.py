"""A Python process with slow imports done once, which runs programs in forks of itself.

start  -> the imports                                  (a second, or more)
run    -> a fork with its arguments, folder, environment and output   (milliseconds)

A program can be killed like any other process, which a thread of the tests cannot be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SERVER = """
import gc, json, os, sys, traceback
exec(sys.argv[1], {"__name__": "imports"})
gc.freeze()  # forks copy no memory that they only read
print(os.getpid(), flush=True)

def run(program, arguments, folder, environment, output):
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    written = os.open(output, os.O_CREAT | os.O_WRONLY)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.argv[1:] = arguments
    code = 0
    try:
        exec(program, {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)

for line in sys.stdin:
    asked = json.loads(line)
    if isinstance(asked, int):
        print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
        continue
    child = os.fork()
    if child == 0:
        run(**asked)
    print(child, flush=True)
"""


class WarmPython:
    """A process that has executed `imports`, and forks itself for each program."""

    def __init__(self, imports: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - the program above
            [sys.executable, "-c", SERVER, imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()  # when everything is imported

    def start(self, program: str, *arguments: object, output: str | Path = os.devnull) -> int:
        """Start a program in the current folder and environment; return its process id.

        Everything that it prints goes to the file `output`, which may be a named pipe.
        """
        asked = {
            "program": program,
            "arguments": [str(argument) for argument in arguments],
            "folder": str(Path.cwd()),
            "environment": dict(os.environ),
            "output": str(output),
        }
        return self._ask(asked)

    def wait(self, child: int) -> int:
        """Exit code of a program that was started; minus the signal if a signal ended it."""
        return self._ask(child)

    def run(self, program: str, *arguments: object) -> int:
        """Run a program until it ends and return its exit code."""
        return self.wait(self.start(program, *arguments))

    def _ask(self, asked: object) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(asked)}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextmanager
def warm_python(imports: str) -> Iterator[WarmPython]:
    """A `WarmPython` for the block; it ends with the block."""
    if not hasattr(os, "fork"):
        pytest.skip("processes are forked, which this system cannot do")
    made = WarmPython(imports)
    try:
        yield made
    finally:
        made.process.communicate()  # it ends at the end of its input
