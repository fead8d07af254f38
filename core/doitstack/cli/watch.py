"""`doit stack --watch`: run the tasks, and again after each change in a source tree."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from doitstack.errors import DoitstackError
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.inotify import DirectoryWatch
from doitstack.processes.signals import Interrupted, on_interrupt

_CONF = "local.conf"

_LATER = ("--console", "quiet")
"""What later runs show, unless an option says it."""


class Watched(dict[str, str]):
    """A digest of each project's tree, and of local.conf, by name; and `directories` of trees."""

    directories: tuple[Path, ...] = ()


def run_and_watch(top_dir: Path, words: Sequence[str]) -> int:
    """Run `doit WORDS` now and after each change, until a signal; return its exit code."""
    later = [] if any(word.startswith("--console") for word in words) else _LATER
    signals = _Signals()
    with on_interrupt(signals.act):
        try:
            seen = read(top_dir)
            code = _run(words, signals)
            while code < 128:
                seen = _wait_for_change(top_dir, seen)
                code = _run([*later, *words], signals)
        except Interrupted as signalled:
            return signalled.code
    return code


def read(top_dir: Path) -> Watched:
    """Return what is watched as it is now; only local.conf if that cannot be used."""
    conf = top_dir / _CONF
    text = conf.read_text(encoding="utf-8", errors="replace") if conf.is_file() else ""
    found = Watched({_CONF: text})
    try:
        trees = [tree for tree in StackDirectory(top_dir).stack.trees if tree.is_there]
        found.directories = tuple(tree.directory for tree in trees)
        found.update((tree.project, tree.code + tree.state.static) for tree in trees)
    except DoitstackError:
        pass  # the next run reports it
    return found


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return what has changed; what is new has been fetched by the run."""
    return [name for name in after if name in before and after[name] != before[name]]


def _wait_for_change(top_dir: Path, before: Watched) -> Watched:
    """Wait until what is watched is not as it was before the last run; return how it is then.

    A tree that is gone is no change yet: perhaps another one takes its place.
    """
    directories = read(top_dir).directories
    parents = {directory.parent for directory in directories}
    with DirectoryWatch(directories, flat={top_dir, *parents}) as watch:
        now = read(top_dir)
        _say(f"watching {', '.join(now)}; Ctrl-C ends this")
        while not (changed := changes(before, now)):
            before, last = Watched({**now, **before}), now
            watch.wait()
            now = read(top_dir)
            if gone := [name for name in last if name not in now]:
                _say(f"gone: {', '.join(gone)}")
    _say(f"changed: {', '.join(changed)}")
    return now


class _Signals:
    """Raises the exception of the first signal, but not while a process starts: it would be left.

    What the exception ends is waited for, so further signals change nothing.
    """

    _is_held = False
    _held: Interrupted | None = None

    def act(self, signalled: Interrupted) -> None:
        """Raise the exception now, or at the end of `held`."""
        if self._is_held:
            self._held = signalled
            return
        self._is_held = True
        raise signalled

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise no exception in the block."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._held:
            self.act(self._held)


def _run(words: Sequence[str], signals: _Signals) -> int:
    """Run `doit WORDS`, and wait for it even if a signal comes: it ends what it has started."""
    program = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    sys.stdout.flush()
    process = None
    try:
        with signals.held():
            process = subprocess.Popen([sys.executable, *program, *words])
        return process.wait()
    except Interrupted as signalled:
        if process:
            # The terminal sends Ctrl-C to both.
            if str(signalled) != "SIGINT":
                process.send_signal(signalled.code - 128)
            process.wait()
        raise


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()
