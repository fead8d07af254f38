"""Run a plugin by DevStack and by doitstack, each in a sandbox of which nothing is left."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.public_plugins.outcomes import Outcome, of_devstack, of_doitstack
from tests.public_plugins.repositories import Repository
from tests.public_plugins.world import HERE, World, local_conf

_ALONE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--net", "--uts", "--ipc"),
    *("--fork", "--kill-child", "--propagation", "private"),
)


def run_by_devstack(world: World, repository: Repository, devstack: Path, log: Path) -> Outcome:
    """Run a plugin by the checkout `devstack`; write the output to `log`."""
    command = ["bash", HERE / "in_devstack.sh", devstack]
    output = _run(world, "devstack", repository, command, log)
    return of_devstack(output.replace(f"{devstack}/", ""))


def run_by_doitstack(world: World, repository: Repository, log: Path) -> Outcome:
    """Run a plugin by doitstack; write the output to `log`."""
    command = ["bash", HERE / "in_doitstack.sh", sys.executable]
    return of_doitstack(_run(world, "doitstack", repository, command, log))


def _run(
    world: World, which: str, repository: Repository, command: Sequence[str | Path], log: Path
) -> str:
    """Run a command in a sandbox, unless there is a log of that already; return its output."""
    if log.exists():
        return log.read_text(errors="replace")
    part = log.with_name(f"{log.name}.part")
    with tempfile.TemporaryDirectory() as directory, part.open("wb") as output:
        settings = Path(directory) / "local.conf"
        settings.write_text(local_conf(repository))
        work = Path(directory) / "work"
        work.mkdir()
        with subprocess.Popen(
            [*_ALONE, "bash", HERE / "sandbox.sh", work, world.opt[which], *command],
            env={**world.environment(), "LOCAL_CONF": str(settings)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process:
            _running.add(process)
            try:
                is_ended = process.wait(TIMEOUT) < 0
            except subprocess.TimeoutExpired:
                process.kill()
                is_ended = False
                output.write(f"@timeout after {TIMEOUT} s\n".encode())
            finally:
                _running.discard(process)
    if is_ended:
        raise InterruptedError(f"the run of {repository.name} was ended")
    part.rename(log)
    return log.read_text(errors="replace")


def end_all() -> None:
    """End all runs: unshare ignores the signals of a terminal, and takes its sandbox with it."""
    for process in [*_running]:
        process.kill()


_running: set["subprocess.Popen[bytes]"] = set()

TIMEOUT = 600
"""The seconds after which a run is ended."""
