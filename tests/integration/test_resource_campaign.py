"""The campaign of missing resources in its short form; see docs/reliability.md."""

import errno
import os
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.campaign import process_limit
from tests.campaign.failing_calls import KINDS, Failure
from tests.campaign.resources import PLAN, Campaign
from tests.campaign.system_calls import DESCRIPTORS, Call, Watched, is_possible
from tests.conftest import DOIT, MakeStackDir, StackDir, clean_environment

needs_the_kernel = pytest.mark.skipif(not is_possible(), reason="it cannot ask about calls")


@needs_the_kernel
def test_full_disk_is_said_and_nothing_half_written_is_believed(stack_dir: MakeStackDir) -> None:
    mark = uuid.uuid4().hex
    campaign = Campaign(stack_dir(PLAN, TEST_MARK=mark), mark)
    # The disk fills up before a step that has succeeded before.
    before = b"<== stack install: shell: 40-shell.sh"
    one = campaign.one("full", ("-a", "stack"), 1, after=before)
    assert one.faults == ()
    assert one.code == 1
    assert "plugin demo: step made: OSError: [Errno 28] No space left on device" in one.out


@needs_the_kernel
@pytest.mark.parametrize(
    ("shell", "file", "message"),
    [
        ("session.sh", "library/ini.sh", "step 40-shell.sh: cannot load library.sh"),
        ("session.sh", "user_settings.sh", "step 40-shell.sh: cannot load user_settings.sh"),
        ("evaluate_localrc.sh", "library/ini.sh", "local.conf: bash ended before the end of the "),
    ],
)
def test_file_of_the_library_that_cannot_be_opened_once_ends_the_run(
    stack_dir: MakeStackDir, shell: str, file: str, message: str
) -> None:
    """Without user_settings.sh, all went on without the user's settings, to exit code 0."""
    stack = stack_dir({name: PLAN[name] for name in ("local.conf", "extras.d/40-shell.sh")})

    def decide(call: Call) -> int:
        is_it = call.path.endswith(f"/bash/{file}") and shell in _command(call.pid)
        return errno.ENFILE if is_it else 0

    watched = Watched([DOIT, "stack"], DESCRIPTORS, decide, cwd=stack.path, env=stack.environ)
    out = watched.communicate(250)
    assert watched.process.returncode in {1, 3}
    assert message in out
    assert f"{file}: {os.strerror(errno.ENFILE)}" in out


@needs_the_kernel
def test_unstack_imports_nothing_once_it_has_begun(stack_dir: MakeStackDir) -> None:
    """Without descriptors there was a traceback, and the services ran on."""
    stack = stack_dir({"local.conf": PLAN["local.conf"]})
    stack.run("stack").ok()
    begun = set[int]()

    def decide(call: Call) -> int:
        if call.path == str(stack.dest / ".lock"):
            begun.add(call.pid)
        is_import = call.pid in begun and "python" in call.path
        return errno.EMFILE if is_import else 0

    watched = Watched([DOIT, "unstack"], DESCRIPTORS, decide, cwd=stack.path, env=stack.environ)
    assert "unstack: done" in watched.communicate(250)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.skipif(not process_limit.is_possible(), reason="only root becomes another user")
@pytest.mark.parametrize(
    "limits", [[3], pytest.param(range(1, 9), marks=pytest.mark.full)], ids=["one", "all"]
)
def test_limit_of_processes_is_said(limits: Iterable[int]) -> None:
    with tempfile.TemporaryDirectory() as name:  # another user can enter it
        os.chmod(name, 0o711)
        stack = StackDir(Path(name) / "stack", PLAN, clean_environment(ENABLED_SERVICES=","))
        campaign = process_limit.Campaign(stack)
        rounds = list(campaign.rounds(limits))
    assert [one for one in rounds if one.faults] == []
    assert rounds[0].code != 0


def test_call_at_a_site_fails_alone_or_with_all_later_ones(tmp_path: Path) -> None:
    names = ["runs/1.jsonl", "stack.log", "runs/2.jsonl", "stack.log", "runs/3.jsonl"]
    calls = [Call("write", os.getpid(), (), f"{tmp_path}/{name}") for name in names]
    none = Failure(KINDS["full"], tmp_path, 0)
    assert {none(call) for call in calls} == {0}
    journal, log = none.sites
    assert (none.sites[journal], none.sites[log], none.calls) == (3, 2, 5)
    alone = Failure(KINDS["full-once"], tmp_path, 2, site=journal)
    assert [bool(alone(call)) for call in calls] == [False, False, True, False, False]
    later = Failure(KINDS["full"], tmp_path, 2, site=journal)
    assert [bool(later(call)) for call in calls] == [False, False, True, True, True]
    assert later.what == "write /runs/2.jsonl"


@needs_the_kernel
@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "step"),
    [
        *(("full", 60), ("read-only", 60), ("broken", 60), ("slow", 1)),
        *(("memory", 12), ("descriptors-once", 500)),
    ],
)
def test_missing_resource_is_said_at_any_call(
    stack_dir: MakeStackDir, kind: str, step: int
) -> None:
    mark = uuid.uuid4().hex
    campaign = Campaign(stack_dir(PLAN, TEST_MARK=mark), mark)
    rounds = list(campaign.rounds([kind], step, seed=1))
    assert [one for one in rounds if one.faults] == []
