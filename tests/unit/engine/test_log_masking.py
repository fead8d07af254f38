"""The logs of a run, masked again."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from doitstack.config.local_conf import LocalSettings
from doitstack.config.passwords import Secrets
from doitstack.config.settings import Settings
from doitstack.console.main_log import MainLog
from doitstack.engine.log_masking import LogMasking
from doitstack.journal.events import FutureStart, StepEnd
from doitstack.journal.job_file import Job, open_job, read_job
from doitstack.journal.journal_file import Journal, read_events
from doitstack.journal.status import Status


def masking_of(
    secrets: Secrets, log: MainLog, services: Callable[[], Iterable[str]] = list
) -> LogMasking:
    top = log.path.parent
    return LogMasking(secrets, log, top / "async", top, services, journal=top / "journal")


def test_logs_are_masked_again_once_a_secret_is_known(tmp_path: Path) -> None:
    earlier = "hunter22 of another run\n"
    (tmp_path / "stack.log").write_text(earlier)
    log = MainLog(tmp_path / "stack.log")
    secrets = Secrets(Settings({"DEST": str(tmp_path)}, LocalSettings({}), frozenset()))
    masking = masking_of(secrets, log)
    paths = [tmp_path / name for name in ("async/f.log", "xtrace/s.log", "error.log")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("+ hunter22\n")
    log.write("hunter22\n")
    masking.mask_again()
    assert paths[0].read_text() == "+ hunter22\n"
    secrets.learn("hunter22")
    masking.mask_again()
    log.close()
    assert [path.read_text() for path in paths] == ["+ ********\n"] * 3
    assert log.path.read_text() == f"{earlier}********\n"


def test_logs_of_services_are_masked_also_if_they_are_removed(tmp_path: Path) -> None:
    log = MainLog(tmp_path / "stack.log")
    settings = Settings(
        {"DEST": str(tmp_path), "A_TOKEN": "hunter22"}, LocalSettings({}), frozenset()
    )
    services = ["old"]
    masking = masking_of(Secrets(settings), log, lambda: services)
    services = ["new"]
    for name in ("old", "new", "other"):
        (tmp_path / f"{name}.log").write_text("token hunter22\n")
    (tmp_path / "new.log.old").write_text("token hunter22\n")
    masking.mask_services()
    log.close()
    texts = [(tmp_path / f"{name}.log").read_text() for name in ("old", "new", "other")]
    assert texts == ["token ********\n", "token ********\n", "token hunter22\n"]
    assert (tmp_path / "new.log.old").read_text() == "token ********\n"


def test_commands_and_errors_are_masked_again_in_the_journal_and_the_files_of_futures(
    tmp_path: Path,
) -> None:
    log = MainLog(tmp_path / "stack.log")
    journal = Journal(tmp_path / "journal")
    secrets = Secrets(Settings({"DEST": str(tmp_path)}, LocalSettings({}), frozenset()))
    masking = masking_of(secrets, log)
    journal.write(FutureStart("f", 7, "true hunter22"))
    journal.write(StepEnd("s:a", Status.FAILED, 0, "no hunter22"))
    (tmp_path / "async").mkdir()
    os.close(open_job(tmp_path / "async/f.ini", Job("true hunter22", 7, 1, 2)))
    secrets.learn("hunter22")
    masking.mask_again()
    journal.close()
    log.close()
    started, ended = read_events(journal.path)
    assert isinstance(started, FutureStart)
    assert isinstance(ended, StepEnd)
    job = read_job(tmp_path / "async/f.ini")
    assert job
    assert (started.command, ended.error, job.command) == (
        "true ********",
        "no ********",
        "true ********",
    )
