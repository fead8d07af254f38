"""Masks all that a run has written again if there are more secrets than when it was written.

A script may set a secret and print it before the main process has received it. Services write their
logs themselves, so these are masked at the end of the run.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from doitstack.config.masking import mask_file, mask_lines
from doitstack.config.passwords import Secrets
from doitstack.console.main_log import MainLog
from doitstack.journal import event_codec, job_file
from doitstack.services.program_files import old_log


class LogMasking:
    """Masks the logs of one run: its part of the main log, the logs of futures, services, traces.

    With them, the journal and the files of futures, which have commands and errors. `log_dir` has
    the traces, the logs of services, and the log in which bash collects warnings and errors.
    `services` returns the names of all services that were ever started.
    """

    def __init__(
        self,
        secrets: Secrets,
        main_log: MainLog,
        futures_dir: Path,
        log_dir: Path,
        services: Callable[[], Iterable[str]],
        *,
        journal: Path,
    ) -> None:
        self._secrets = secrets
        self._main_log = main_log.path
        self._begin = main_log.size
        self._journal = journal
        self._futures_dir = futures_dir
        self._log_dir = log_dir
        self._used = secrets.mask
        self._find_services = services
        self._services = set(services())

    def mask_again(self) -> None:
        """Mask all logs if there are other secrets than the last time."""
        if self._secrets.mask is not self._used:
            self._used = self._secrets.mask
            self.mask_all()

    def mask_all(self) -> None:
        """Mask all logs, the journal, and the files of futures."""
        mask = self._secrets.mask
        mask_file(self._main_log, mask, self._begin)
        for path in self._others():
            mask_file(path, mask)
        mask_lines(self._journal, partial(event_codec.masked, mask=mask.data))
        for path in self._futures_dir.glob("*.ini"):
            mask_lines(path, partial(job_file.masked, mask=mask.data))

    def mask_for_parent(self) -> None:
        """Mask all logs after the parent, the main process, was killed."""
        self._secrets.learn_from_parent()
        self.mask_all()

    def mask_services(self) -> None:
        """Mask the logs of services, those included that the run has removed."""
        self._services.update(self._find_services())
        for name in self._services:
            log = self._log_dir / f"{name}.log"
            for path in (log, old_log(log)):
                mask_file(path, self._secrets.mask)

    def _others(self) -> Iterator[Path]:
        yield from self._futures_dir.glob("*.log")
        yield from (self._log_dir / "xtrace").glob("*.log")
        yield self._log_dir / "error.log"
