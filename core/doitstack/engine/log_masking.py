"""Masks all logs of a run again if there are more secrets than when they were written.

A script may set a secret and print it before the main process has received it.
"""

from collections.abc import Iterator
from pathlib import Path

from doitstack.config.masking import mask_file
from doitstack.config.passwords import Secrets
from doitstack.console.main_log import MainLog


class LogMasking:
    """Masks the logs of one run: its part of the main log, the logs of futures, traces.

    `log_dir` has the traces, and the log in which bash collects warnings and errors.
    """

    def __init__(self, secrets: Secrets, main_log: MainLog, futures_dir: Path, log_dir: Path):
        self._secrets = secrets
        self._main_log = main_log.path
        self._begin = main_log.size
        self._futures_dir = futures_dir
        self._log_dir = log_dir
        self._used = secrets.mask

    def mask_again(self) -> None:
        """Mask all logs if there are other secrets than the last time."""
        if self._secrets.mask is not self._used:
            self._used = self._secrets.mask
            self.mask_all()

    def mask_all(self) -> None:
        """Mask all logs."""
        mask_file(self._main_log, self._secrets.mask, self._begin)
        for path in self._others():
            mask_file(path, self._secrets.mask)

    def _others(self) -> Iterator[Path]:
        yield from self._futures_dir.glob("*.log")
        yield from (self._log_dir / "xtrace").glob("*.log")
        yield self._log_dir / "error.log"
