"""A program to run: its words, environment, directory and input."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from doitstack.errors import CommandError
from doitstack.processes.tree import signal_name


@dataclass(frozen=True)
class Program:
    """A program to run.

    `env` is added to the environment; `stdin` is what it may read (None: nothing).
    """

    argv: Sequence[str | Path]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stdin: bytes | None = None

    @property
    def name(self) -> str:
        """The first word, as people know the program."""
        return Path(self.argv[0]).name

    def start(
        self, output: int | None, *, own_group: bool, merge: bool = True
    ) -> subprocess.Popen[bytes]:
        """Start it with its stdout on the descriptor `output` (None: as ours).

        `merge` sends stderr to the same place. Raises CommandError (127) when there is no such
        program.
        """
        stdin = _input(self.stdin)
        try:
            return subprocess.Popen(
                [str(word) for word in self.argv],
                env={**os.environ, **(self.env or {})},
                cwd=self.cwd,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT if merge and output is not None else None,
                process_group=0 if own_group else None,
            )
        except OSError as error:
            raise CommandError(
                f"{self.name} cannot be run: {error.strerror}: {error.filename}", 127
            ) from error
        except ValueError as error:
            # A NUL in a word.
            raise CommandError(f"{self.name} cannot be run: {error}", 127) from error
        finally:
            if stdin >= 0:
                os.close(stdin)

    def check(self, code: int) -> None:
        """Raise CommandError unless `code` is 0."""
        if code:
            how = f"was killed by {signal_name(-code)}" if code < 0 else f"ended with code {code}"
            raise CommandError(f"{self.name} {how}; its output is above", code)


def _input(data: bytes | None) -> int:
    """Return a descriptor from which `data` can be read, without a pipe that could fill up."""
    if data is None:
        return subprocess.DEVNULL
    descriptor = os.memfd_create("stdin")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


Runner = Callable[[Program], None]
"""Runs a program to its end; raises CommandError."""


def run_in_future(program: Program) -> None:
    """Run a program inside a future: its output goes where the future's goes."""
    program.check(program.start(None, own_group=False).wait())


def output_of(program: Program) -> str:
    """Run a quick program and return its stdout as text; raises CommandError."""
    process = program.start(subprocess.PIPE, own_group=False, merge=False)
    output, _ = process.communicate()
    program.check(process.returncode)
    return output.decode(errors="replace")
