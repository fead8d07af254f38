"""`python -m doitstack`: what is needed where there is no stack directory, or no `doit`."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from doitstack.errors import DoitstackError, SettingsError

LIBRARY = Path(__file__).parent / "bash" / "library.sh"

_FILES = {
    "dodo.py": "from doitstack.dodo import *\n",
    "doit.cfg": """\
[COMMAND]
run = doitstack.commands:Run
clean = doitstack.commands:Clean
plan = doitstack.commands:Plan
futures = doitstack.commands:Futures
log = doitstack.commands:Log
timing = doitstack.commands:Timing
plugins = doitstack.commands:Plugins
services = doitstack.commands:Services
""",
    "functions": """\
# DevStack's functions, for scripts that source them: a run has them already.
[[ ${_DOITSTACK_LIBRARY-} ]] ||
    source "$("${DOITSTACK_PYTHON:-python3}" -m doitstack shell-library)"
""",
    "openrc": """\
# For DevStack's plugins, and for a shell: source openrc [user] [project]
source "${DEST:-$(dirname "${BASH_SOURCE[0]}")/.stack}/openrc" "$@"
""",
    "stackrc": """\
# For DevStack's plugins, which source it in a run: there, all settings are set already.
""",
    "extras.d/README": """\
Drop-ins: NN-name.py with hooks, or NN-name.sh called with MODE [PHASE], run by number.
00-09 and 90-99 are kept for doitstack.
""",
}

# Beside the package in a wheel, beside the source roots in a checkout.
_DROP_INS = (Path(__file__).parent / "extras.d", Path(__file__).parents[2] / "extras.d")


def init(arguments: Sequence[str]) -> int:
    """Make a stack directory; leave alone what is there. Returns the exit code.

    Raises SettingsError, having written nothing, where `doit` has another meaning already.
    """
    parser = argparse.ArgumentParser(prog="python -m doitstack init")
    parser.add_argument("directory", type=Path, metavar="DIR")
    directory: Path = parser.parse_args(arguments).directory
    try:
        _refuse_others(directory)
        for name, text in {**_FILES, **_drop_ins()}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(text, encoding="utf-8")
                print(f"wrote {path}")
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise SettingsError(f"{directory} cannot be made a stack directory: {reason}") from error
    print(f"now: cd {shlex.quote(str(directory))} && {_doit()} stack")
    return 0


def _refuse_others(directory: Path) -> None:
    for path in (directory / "dodo.py", directory / "doit.cfg"):
        if path.is_file() and "doitstack" not in path.read_text(errors="replace"):
            raise SettingsError(f"{path} is no stack directory's; choose another directory")


def _doit() -> str:
    """Return how the doit of this very Python is called in the user's shell."""
    own, found = Path(sys.executable).with_name("doit"), shutil.which("doit")
    is_found = found is not None and own.exists() and own.samefile(found)
    return "doit" if is_found or not own.exists() else shlex.quote(str(own))


def _drop_ins() -> dict[str, str]:
    """Return the drop-ins that come with doitstack, by their names in a stack directory."""
    source = next(directory for directory in _DROP_INS if directory.is_dir())
    return {f"extras.d/{path.name}": path.read_text() for path in source.glob("[0-9]*.*")}


def shell_library(_arguments: Sequence[str]) -> int:
    """Print the file to source for DevStack's functions in bash. Returns the exit code."""
    print(LIBRARY)
    return 0


def request(arguments: Sequence[str]) -> int:
    """Answer one request of a shell that has no session. Returns the request's exit code."""
    from doitstack.bash.request_handlers import answer  # noqa: PLC0415
    from doitstack.planning.stack_directory import StackDirectory  # noqa: PLC0415

    if not arguments:
        raise SettingsError("request: which one? python -m doitstack request VERB ARGUMENT...")
    directory = StackDirectory(Path(os.environ.get("TOP_DIR", ".")).absolute())
    said = answer(directory.stack, arguments[0], arguments[1:])
    sys.stdout.write(said.out)
    sys.stderr.write(said.err)
    return said.code


def completion(arguments: Sequence[str]) -> int:
    """Print the script by which bash or zsh completes `doit`. Returns the exit code."""
    from doitstack.cli.completion import SHELLS, script  # noqa: PLC0415

    if len(arguments) != 1 or arguments[0] not in SHELLS:
        raise SettingsError(f"completion: for which shell? {' or '.join(SHELLS)}")
    print(script(arguments[0]), end="")
    return 0


def complete(arguments: Sequence[str]) -> int:
    """Print what the last of the words behind `doit` may become. Returns the exit code."""
    from doitstack.cli.completion import completions  # noqa: PLC0415

    for word, about in completions(arguments):
        print(f"{word}\t{about}", flush=True)
    return 0


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "init": init,
    "shell-library": shell_library,
    "request": request,
    "completion": completion,
    "complete": complete,
}


def main(arguments: Sequence[str]) -> int:
    """Run one verb. Returns the exit code: 3 for a mistake of the user."""
    verb = VERBS.get(arguments[0]) if arguments else None
    if verb is None:
        print(f"usage: python -m doitstack {'|'.join(VERBS)} ...", file=sys.stderr)
        return 3
    try:
        return verb(arguments[1:])
    except DoitstackError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
