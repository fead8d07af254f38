"""What a command does not need is not imported: each module takes time at each start."""

import subprocess
import sys

import pytest

from tests.conftest import DOIT, MakeStackDir, clean_environment

RUN = {"doitstack.engine.run", "doitstack.futures.registry", "doitstack.bash.session"}
JOURNAL = {"doitstack.journal.events"}
CHECKS = {"doitstack.planning.directory_checks", "doitstack.planning.script_checks"}
ACTIONS = {"doitstack.bytecode_cache", "fork_server.client_script", "openstack", "psutil"}
MESSAGES = {"doitstack.cli.help_text", "doitstack.reports.json_lists"}
LIBRARIES = {"getpass", "secrets", "jinja2", "rich"}


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("list", RUN | JOURNAL | CHECKS | ACTIONS | MESSAGES | LIBRARIES),
        ("futures", RUN | CHECKS | ACTIONS | LIBRARIES),
    ],
)
def test_command_imports_only_what_it_needs(
    stack_dir: MakeStackDir, command: str, others: set[str]
) -> None:
    stack = stack_dir({})
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", str(DOIT), command],
        cwd=stack.path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "doitstack.planning.stack_directory" in imported
    assert sorted(imported & others) == []
