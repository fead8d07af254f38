"""The logs of a run, masked again."""

from pathlib import Path

from doitstack.config.local_conf import LocalSettings
from doitstack.config.passwords import Secrets
from doitstack.config.settings import Settings
from doitstack.console.main_log import MainLog
from doitstack.engine.log_masking import LogMasking


def test_logs_are_masked_again_once_a_secret_is_known(tmp_path: Path) -> None:
    earlier = "hunter22 of another run\n"
    (tmp_path / "stack.log").write_text(earlier)
    log = MainLog(tmp_path / "stack.log")
    secrets = Secrets(Settings({"DEST": str(tmp_path)}, LocalSettings({}), frozenset()))
    masking = LogMasking(secrets, log, tmp_path / "async", tmp_path, list)
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
    masking = LogMasking(Secrets(settings), log, tmp_path / "async", tmp_path, lambda: services)
    services = ["new"]
    for name in ("old", "new", "other"):
        (tmp_path / f"{name}.log").write_text("token hunter22\n")
    (tmp_path / "new.log.old").write_text("token hunter22\n")
    masking.mask_services()
    log.close()
    texts = [(tmp_path / f"{name}.log").read_text() for name in ("old", "new", "other")]
    assert texts == ["token ********\n", "token ********\n", "token hunter22\n"]
    assert (tmp_path / "new.log.old").read_text() == "token ********\n"
