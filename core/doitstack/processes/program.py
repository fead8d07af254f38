"""A program to run: its arguments, environment, directory and input."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from doitstack.errors import TIMED_OUT, CommandError
from doitstack.processes.tree import Root, signal_name, stop
from doitstack.records import Record
from doitstack.steps import refuse_words, time_limit


class Program(Record):
    """A program to run.

    `env` is added to the environment; `stdin` is its input (None: empty), text as UTF-8. After
    `timeout` s (None: never), its whole tree is stopped.
    """

    argv: Sequence[str | Path]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stdin: str | bytes | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Raise TypeError for what cannot be a program."""
        check_words(self.argv)
        time_limit(self.timeout)
        for name, text in (self.env or {}).items():
            if not isinstance(name, str) or not isinstance(text, (str, Path)):
                raise TypeError(f"env takes text: got {name!r}: {text!r}")
        if self.stdin is not None and not isinstance(self.stdin, (str, bytes)):
            raise TypeError(f"stdin takes text or bytes: got {self.stdin!r}")

    @property
    def name(self) -> str:
        """The name of the program, for messages."""
        return Path(self.argv[0]).name

    def start(
        self, output: int | None, *, own_group: bool, merge: bool = True
    ) -> subprocess.Popen[bytes]:
        """Start it with its stdout on the descriptor `output` (None: inherited).

        `merge` sends stderr to the same place. Raises CommandError (127) if it cannot be run.
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
            raise CommandError(f"{self.name} cannot be run: {_reason(error)}", 127) from error
        except ValueError as error:
            # A NUL in a word.
            raise CommandError(f"{self.name} cannot be run: {error}", 127) from error
        finally:
            if stdin >= 0:
                os.close(stdin)

    def timed_out(self) -> CommandError:
        """Return the error of a program that has timed out."""
        return CommandError(f"{self.name} timed out after {self.timeout:g} s", TIMED_OUT)

    def failure(self, code: int) -> CommandError | None:
        """Return the error of a program that has ended with `code`; None for 0."""
        if not code:
            return None
        how = f"was killed by {signal_name(-code)}" if code < 0 else f"ended with code {code}"
        return CommandError(f"{self.name} {how}; its output is above", code)

    def check(self, code: int) -> None:
        """Raise CommandError unless `code` is 0."""
        if error := self.failure(code):
            raise error


def _reason(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)


def check_words(argv: Sequence[str | Path]) -> None:
    """Raise TypeError unless `argv` are a program and its arguments."""
    if isinstance(argv, (str, bytes)) or not isinstance(argv, Sequence) or not argv:
        raise TypeError(f"a list of a program and its arguments is needed: got {argv!r}")
    refuse_words(argv)


def without_functions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for bash without the functions that the caller's shell exports.

    A function `read` or `printf` of the user's would replace the builtin in our scripts.
    """
    return {name: text for name, text in environ.items() if not name.startswith("BASH_FUNC_")}


def _input(data: str | bytes | None) -> int:
    """Return a descriptor to read `data` from; a file in memory, as a pipe could fill up."""
    if data is None:
        return subprocess.DEVNULL
    descriptor = os.memfd_create("stdin")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data.encode() if isinstance(data, str) else data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def run_in_future(program: Program) -> None:
    """Run a program inside a future, with the output of the future. Raises CommandError."""
    process = program.start(None, own_group=program.timeout is not None)
    with _stopped_in_time(program, process):
        process.wait(program.timeout)
    program.check(process.returncode)


def output_of(program: Program) -> str:
    """Run a program and return its stdout as text. Raises CommandError."""
    own_group = program.timeout is not None
    process = program.start(subprocess.PIPE, own_group=own_group, merge=False)
    with _stopped_in_time(program, process):
        output, _ = process.communicate(timeout=program.timeout)
    program.check(process.returncode)
    return output.decode(errors="replace")


@contextmanager
def _stopped_in_time(program: Program, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop the whole tree of a program if the block times out or is left by another error."""
    try:
        yield
    except BaseException as error:
        if program.timeout is not None:
            stop([Root(process.pid)])
            process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise program.timed_out() from error
        raise
