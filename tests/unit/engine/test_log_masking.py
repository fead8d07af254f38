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
    masking = LogMasking(secrets, log, tmp_path / "async", tmp_path)
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
