"""What a crash of the machine may leave of a run: record its changes, and open each state again.

The system calls that change files below DEST are recorded in a real run. A crash at any of them may
leave: a prefix of the changes of names, as a journaling file system keeps their order, at least up
to the last fsync; of each file at least what was synchronised, and of what was written later any
part from its beginning, cut at any byte or continued by zeros.

In each such state, our readers must see old or new content, and no step may be good that had not
ended.
"""

import errno
import io
import os
import random
import shutil
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path

from doit.dependency import JSONCodec

from doitstack.config.changes_in_place import CHANGES as IN_PLACE
from doitstack.config.passwords import known_secrets
from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.journal.job_file import read_job
from doitstack.journal.journal_file import read_events
from doitstack.journal.run_record import read_run
from tests.campaign import resources
from tests.campaign.recorder import Change, Recorder
from tests.campaign.resources import WHOLE
from tests.campaign.system_calls import CHANGES, OTHER_CHANGES, Watched
from tests.conftest import DOIT, StackDir
from tests.integration.probes import plugin

PLAN = {
    **resources.PLAN,
    "local.conf": f"""{resources.PLAN["local.conf"]}
[[post-config|$DEST/data/merged.conf]]
[local]
option = merged
""",
    "extras.d/45-ini.sh": """\
        if [[ "$1 $2" == 'stack install' ]]; then
            file=$DEST/data/script.conf
            for name in a b c; do
                iniset "$file" "$name" first "$name$name"
                iniset "$file" "$name" longer_than_the_last "$name$name$name"
            done
            inidelete "$file" b first
            iniset "$file" c longer_than_the_last c
        fi
    """,
    "extras.d/60-environment.py": plugin(f"""
        from doitstack.private_files import private_directory
        from doitstack.venvs import Environment, install

        def made(stack):
            environment = Environment(stack.dest / "venvs" / "demo", ("demo",), is_pinned=True)

            def uv(words):
                place = private_directory(environment.path)
                if "venv" not in words:
                    (place / "package.py").write_text({WHOLE!r})

            install(environment, uv)

        @hookimpl
        def stack_extra(stack):
            yield run(made)
    """),
    "extras.d/70-configuration.py": plugin(f"""
        from doitstack.private_files import write_private

        def configure(stack):
            runs = len(list((stack.log_dir / "runs").iterdir()))
            write_private(stack.data_dir / "demo.conf", {WHOLE!r} * runs)

        def configure_merged(stack):
            write_private(stack.data_dir / "merged.conf", "[own]\\noption = own\\n")

        @hookimpl
        def stack_install(stack):
            yield run(configure_merged)

        @hookimpl
        def stack_post_config(stack):
            yield run(configure)
    """),
}

MADE = {f"stack:install:demo:{name}": f"data/{name}" for name in ("future", "bash")} | {
    "stack:install:demo:made": "data/step"
}
"""What each step makes that is good once it has succeeded."""

CONFIGURATION = "data/demo.conf"
"""What each run writes, with other content."""

SCRIPTS = "data/script.conf"
"""What a script changes in place."""

MERGED = "data/merged.conf"
"""What a step writes, and a section of local.conf is merged into."""

State = dict[str, bytes | str]
"""Files with their content; directories and links are words."""


@dataclass
class File:
    """A file as it is in memory. `edits` are the changes of its content since the last sync."""

    synced: bytes = b""
    edits: list[Change] = field(default_factory=list)

    def content(self, edits: Iterable[Change] | None = None) -> bytes:
        """Return its content once `edits` (all) have reached the disk."""
        data = bytearray(self.synced)
        for edit in self.edits if edits is None else edits:
            start = len(data) if edit.offset < 0 else edit.offset
            data.extend(b"\0" * (start - len(data)))
            if edit.kind == "truncate":
                del data[start:]
                continue
            data[start : start + len(edit.data)] = edit.data
        return bytes(data)


class Disk:
    """What is below the recorded directory: names on disk and in memory, and files."""

    def __init__(self) -> None:
        self.names: dict[str, File | str] = {}
        """The files by name; directories and links are words."""
        self._on_disk: dict[str, File | str] = {}
        self._names_since: list[dict[str, File | str]] = []

    def apply(self, change: Change) -> None:
        """Take in the next change."""
        if change.kind in {"write", "truncate"}:
            file = self.names.get(change.path)
            if isinstance(file, File):
                file.edits.append(change)
        elif change.kind.startswith("sync"):
            self._sync(change)
        else:
            self._names_since.append(dict(self.names))
            self._rename(change)

    def _rename(self, change: Change) -> None:
        match change.kind:
            case "create":
                self.names[change.path] = File()
            case "mkdir" | "symlink":
                self.names[change.path] = change.kind
            case "rename":
                self._move(change)
            case "link":
                self.names[change.path] = self.names[change.old]
            case _:
                self.names.pop(change.path, None)

    def _move(self, change: Change) -> None:
        inside = f"{change.old}/"
        for name in [name for name in self.names if f"{name}/".startswith(inside)]:
            self.names[change.path + name.removeprefix(change.old)] = self.names.pop(name)

    def _sync(self, change: Change) -> None:
        # It writes all changes of names before it, too: those are in the same journal.
        self._names_since = []
        self._on_disk = dict(self.names)
        for name, file in self.names.items():
            if isinstance(file, File) and (change.path == name or change.kind == "sync all"):
                file.synced, file.edits = file.content(), []

    def after_crash(self, draw: random.Random) -> State:
        """Return one of the states that a crash now may leave."""
        names = draw.choice([self.names, self._on_disk, *self._names_since])
        files = {id(file): file for file in names.values() if isinstance(file, File)}
        torn = {key: _torn(file, draw) for key, file in files.items()}
        return {
            name: torn[id(file)] if isinstance(file, File) else file for name, file in names.items()
        }

    def whole(self) -> State:
        """Return the state in memory."""
        return {
            name: file.content() if isinstance(file, File) else file
            for name, file in self.names.items()
        }


def _torn(file: File, draw: random.Random) -> bytes:
    """Return what a crash may leave of a file."""
    kept = file.edits[: draw.choice([0, len(file.edits), draw.randint(0, len(file.edits))])]
    data = file.content(kept)
    lost = file.edits[len(kept) :]
    if lost and lost[0].kind == "write" and draw.random() < 0.5:
        part = draw.randint(0, len(lost[0].data))
        last = Change("write", "", offset=lost[0].offset, data=lost[0].data[:part])
        data = file.content([*kept, last])
        if draw.random() < 0.3:
            data += b"\0" * (len(lost[0].data) - part)
    return data


def record(stack: StackDir, *commands: tuple[str, ...]) -> list[Change]:
    """Run `commands` one after another; return all changes below DEST."""
    for _ in range(10):
        recorder = Recorder(stack.dest)
        for command in commands:
            calls = {**CHANGES, **OTHER_CHANGES}
            watched = Watched([DOIT, *command], calls, recorder, cwd=stack.path, env=stack.environ)
            out = watched.communicate(resources.PATIENCE_WITH_A_RUN)
            if watched.process.returncode:
                break
        else:
            assert not recorder.unknown, f"changes that are not recorded: {recorder.unknown}"
            return recorder.changes
        # Calls that no signal interrupts elsewhere are interrupted while the kernel asks.
        if os.strerror(errno.EINTR) not in out:
            break
        shutil.rmtree(stack.dest)
    raise AssertionError(out)


def states(
    changes: list[Change], draw: random.Random, variants: int, step: int
) -> Iterator[tuple[int, State, State]]:
    """Yield some states that a crash after a change may leave, each with the one in memory."""
    disk = Disk()
    for number, change in enumerate(changes, start=1):
        disk.apply(change)
        if number % step:
            continue
        whole = disk.whole()
        for _ in range(variants):
            yield number, disk.after_crash(draw), whole


def is_announced(state: State, name: str) -> bool:
    """Return whether a file is on record as being changed in place."""
    return f'/{name}"'.encode() in _bytes(state, IN_PLACE)


def write_state(state: State, directory: Path) -> None:
    """Make `directory` have this state, and nothing else."""
    shutil.rmtree(directory, ignore_errors=True)
    for name in sorted(state):
        path, content = directory / name, state[name]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
            path.chmod(0o600)
        elif content == "mkdir":
            path.mkdir(mode=0o700, exist_ok=True)


class Reader:
    """Opens a state with our own readers; `end` is the state after the recorded runs."""

    def __init__(self, directory: Path, end: State) -> None:
        self._directory = directory
        self._end = end
        self._settings = {"DEST": str(directory)}

    def faults(self, state: State, whole: State) -> Iterator[str]:
        """Yield what is believed of `state` and is not so, as `whole` was in memory."""
        write_state(state, self._directory)
        yield from self._of_steps(state, whole)
        yield from self._of_whole_files(state)
        if state.get(SCRIPTS) != whole.get(SCRIPTS) and not is_announced(state, SCRIPTS):
            yield f"{SCRIPTS} is damaged, and nothing says so"
        for name, content in state.items():
            if isinstance(content, bytes):
                yield from self._of_file(name, content, whole)

    def _of_steps(self, state: State, whole: State) -> Iterator[str]:
        good = AtomicJsonDB(str(self._directory / ".doit.db"), JSONCodec())
        for task, made in MADE.items():
            if good.in_(task) and made in state:
                if whole.get(made) != WHOLE.encode():
                    yield f"{task} is good, and had not ended"
                elif state[made] != WHOLE.encode():
                    yield f"{task} is good, and what it made is lost"

    @staticmethod
    def _of_whole_files(state: State) -> Iterator[str]:
        if state.get("venvs/demo/doitstack.stamp") and (
            state.get("venvs/demo/package.py") != WHOLE.encode()
        ):
            yield "an environment is complete, and its files are not"
        if state.get(CONFIGURATION) not in (None, WHOLE.encode(), 2 * WHOLE.encode()):
            yield f"{CONFIGURATION} is half written"

    def _of_file(self, name: str, content: bytes, whole: State) -> Iterator[str]:
        path = self._directory / name
        if name.endswith(".ini"):
            job = read_job(path)
            if job and job.rc and b"rc = 0\n" not in _bytes(whole, name):
                yield f"{name} has a code that nobody has written"
        elif name.endswith(".jsonl"):
            read_run(path)
            events = list(read_events(path))
            if len(events) > _bytes(self._end, name).count(b"\n"):
                yield f"{name} has events that nobody has written"
        elif name == "passwords":
            if not set(known_secrets(self._settings)) <= {
                line.partition("=")[2] for line in _bytes(self._end, name).decode().splitlines()
            }:
                yield "a password that nobody has written"
        elif name in {".localrc.auto", ".doitstack"} and not self._is_older(name, content):
            yield f"{name} is half written"

    def _is_older(self, name: str, content: bytes) -> bool:
        """Return whether a file has had this content; the mark of DEST gets another line later."""
        return content.endswith(b"\n") and _bytes(self._end, name).startswith(content)


def _bytes(state: State, name: str) -> bytes:
    content = state.get(name, b"")
    return content if isinstance(content, bytes) else b""


@dataclass(frozen=True)
class Result:
    """How many changes and states there were, and what was wrong, each with its first change."""

    changes: int
    states: int
    opened: int
    faults: dict[str, int]


RUNS = (("stack",), ("-a", "stack"))
"""The commands that are recorded."""


class Campaign:
    """Records runs in a stack directory, and opens the states that a crash may leave."""

    def __init__(self, stack: StackDir, seed: int, runs: Iterable[tuple[str, ...]] = RUNS) -> None:
        self._stack = stack
        self._draw = random.Random(seed)
        self._changes = record(stack, *runs)

    def run(self, variants: int, opened: int, step: int = 1) -> Result:
        """Open `variants` states after each `step` changes; `opened` of all with doit itself."""
        reader = Reader(self._stack.path / "state", end_of(self._changes))
        faults: dict[str, int] = {}
        kept: list[tuple[int, State]] = []
        count = 0
        with redirect_stderr(io.StringIO()):
            for number, state, whole in states(self._changes, self._draw, variants, step):
                count += 1
                for fault in reader.faults(state, whole):
                    faults.setdefault(fault, number)
                kept.append((number, state))
        shutil.rmtree(self._stack.path / "state", ignore_errors=True)
        sample = self._draw.sample(kept, opened)
        for number, state in sample:
            for fault in self._opened(state):
                faults.setdefault(fault, number)
        return Result(len(self._changes), count, len(sample), faults)

    def _opened(self, state: State) -> Iterator[str]:
        """Yield what is wrong if doit itself opens a state."""
        write_state(_after_boot(state), self._stack.dest)
        whole = end_of(self._changes)
        said = ""
        for words in (["list", "--all"], ["timing"], ["stack"]):
            outcome = self._stack.run(*words)
            said += outcome.out
            is_refused = words != ["stack"] and outcome.code == 3
            if (outcome.code and not is_refused) or "Traceback" in outcome.out:
                yield f"doit {words[0]} ends with {outcome.code}:\n{outcome.out}"
        for made in (*MADE.values(), "data/script", "venvs/demo/package.py"):
            path = self._stack.dest / made
            if not path.is_file() or path.read_text() != WHOLE:
                yield f"after the next stack, {made} is not whole"
        for name, is_said in ((MERGED, False), (SCRIPTS, f"{SCRIPTS} may be damaged" in said)):
            if (self._stack.dest / name).read_bytes() != whole[name] and not is_said:
                yield f"after the next stack, {name} is not whole"


def _after_boot(state: State) -> State:
    """Return a state as it is after the machine has started again, under another number."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    return {**state, IN_PLACE: _bytes(state, IN_PLACE).replace(boot, b"another")}


def end_of(changes: Iterable[Change]) -> State:
    """Return the state after some changes."""
    disk = Disk()
    for change in changes:
        disk.apply(change)
    return disk.whole()
