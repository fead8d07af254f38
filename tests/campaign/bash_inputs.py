"""The readers in bash that the campaign feeds: many inputs a process, as each start takes long.

If the campaign is run by root, bash runs as another user: what a mutated file says is run.
"""

import os
import random
import re
import resource
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from doitstack.bash.protocol import MessageBuffer
from doitstack.config import local_conf
from doitstack.errors import SettingsError
from tests.campaign.evaluation import Evaluations
from tests.campaign.mutator import Fault, Mutator, Target
from tests.unit.bash.ini_model import Model

NOBODY = 65534
BATCH = 250
"""Inputs that one bash takes."""

_EVALUATOR = local_conf.EVALUATOR
_BASH = _EVALUATOR.parent
_CPU_SECONDS = 20
_LONGEST_FILE = 1 << 24

LOCALRC = b"""[[local|localrc]]
ADMIN_PASSWORD=secret
HOST_IP=10.0.0.1
enable_plugin demo https://example.org/demo.git main
enable_service n-api n-cpu
disable_service horizon
LIST=(a b)
GREETING="hello ${HOST_IP} there"
if is_service_enabled key; then
    OTHER=$(trueorfalse False X)
fi
[[post-config|$KEYSTONE_CONF]]
[token]
expiration = 600
"""

_LINES = (
    *("[a]", "[b]", "[a] # x", "[a] # [q", "[broken", "[[a|b]]", "[[a]", "[", ""),
    *("x = 1", "x=2", "x\t= tab", "x =", "xx = 2", "xy = 3", " x = indented", "x = [q]"),
    *("x = [[1]]", "x = [", "no[x]=1", "#x = 3", "# x=4", "  # x = 5", "a #x = 6", "foo#x = 7"),
    *("y =   long value", "k.v = 1", "kxv = 2", "é = ü", "x = ü[é", "#y #x = 2", "=", "a" * 400),
)
_VALUES = (
    *("v", "", "a b  c", "  lead", "a/b|c,d", "x # y; z"),
    *("it's", '"q"', "$HOME", "a=b", "*", "`x`"),
    *("a&b", r"a\&b", r"a\\b", r"a\.b", r"\1z", r"\0z"),
    *("%(color)s[", "a]b", "ünï", "-n", "$(x)", "~"),
    *("rabbit://u:p@h:5672/", "😀", "a" * 2000, "[a]", "!", "-e", "--", "\x7f", "a\x01b"),
)  # fmt: skip


def _as_nobody() -> dict[str, Any]:
    """Return the arguments of subprocess.run that give up the rights of root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LONGEST_FILE, _LONGEST_FILE))


def _run(
    script: str, directory: Path, timeout: float = 300
) -> "subprocess.CompletedProcess[bytes]":
    """Run a piece of bash in a directory of nobody's."""
    file = directory / "script"
    file.write_text(script, encoding="utf-8", errors="surrogateescape")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", str(file)],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "DEST": str(directory)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
        preexec_fn=_limit,
        **_as_nobody(),
    )


def _opened(directory: Path) -> Path:
    """Return the directory, for nobody to use; beside it is a copy of our code in bash."""
    directory.mkdir()
    code = directory.with_name("bash")
    if not code.exists():
        shutil.copytree(_BASH, code, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in (directory, directory.parent):
        path.chmod(0o711)
    _give(directory)
    return directory


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)


# -- local.conf ----------------------------------------------------------------------------------


def local_confs(directory: Path, count: int, seed: int) -> tuple[list[Fault], int]:
    """Evaluate mutated files as `doit` does; return the faults and the number of inputs."""
    words = (
        *(b"A=", b"$(", b"${", b"\\\n", b"<<X\n", b"exit\n", b"set -e\n", b"set -u\n", b"return\n"),
        *(b"readonly ", b"unset ", b"local "),
        *(b"function f { :; }\n", b"source x\n", b"fi\n", b"done\n"),
        *(b"IFS=", b"printf() { :; }\n", b"exec 1>&-\n"),
        *(b"trap - ERR\n", b"set -n\n", b"((", b"declare "),
    )  # fmt: skip
    target = Target("evaluator", (LOCALRC,), words, lambda _: None)
    mutator = Mutator(target, random.Random(f"{seed} evaluator"))
    faults = []
    top_dir = _opened(directory / "evaluator")
    code = directory / "bash"
    with _EvaluatorAsNobody(code), Evaluations(code, top_dir, _as_nobody()):
        (top_dir / "local.conf").write_bytes(LOCALRC)
        variables = local_conf.read_local_settings(top_dir, {}).variables
        assert variables["ADMIN_PASSWORD"] == "secret"
        for _ in range(count):
            data = mutator.make()[:20_000]
            _, reason = _evaluation(top_dir, data)
            if reason:
                faults.append(Fault("evaluator", data, reason))
            _empty(top_dir)
    return faults, count


def differences(directory: Path, inputs: Iterable[bytes]) -> list[bytes]:
    """Return the inputs that one bash for all evaluates otherwise than a bash for each."""
    top_dir = _opened(directory / "differences")
    code = directory / "bash"
    found = []
    with _EvaluatorAsNobody(code):
        for data in inputs:
            alone = _evaluation(top_dir, data)
            _empty(top_dir)
            with Evaluations(code, top_dir, _as_nobody()):
                if _evaluation(top_dir, data) != alone:
                    found.append(data)
            _empty(top_dir)
    return found


def _evaluation(top_dir: Path, data: bytes) -> tuple[object, str]:
    """Return what is read, and how reading it went wrong, if it did."""
    (top_dir / "local.conf").write_bytes(data)
    try:
        local = local_conf.read_local_settings(top_dir, {"DEST": str(top_dir), "HOST_IP": "1"})
    except SettingsError as error:
        is_clear = re.match(rf"{re.escape(str(top_dir))}/local.conf:", str(error))
        return str(error), "" if is_clear else str(error)
    except Exception as error:
        return None, repr(error)
    bad = [name for name in local.variables if not re.fullmatch(r"[A-Za-z_]\w*", name)]
    return local, f"names: {bad}" if bad else ""


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


class _EvaluatorAsNobody:
    """Lets the evaluator run as another user, and with limits, in the block."""

    def __init__(self, code: Path) -> None:
        self._code = code

    def __enter__(self) -> None:
        def run(*arguments: Any, **options: Any) -> Any:
            more = {**_as_nobody(), "preexec_fn": _limit, "timeout": 250, "umask": 0o077}
            return subprocess.run(*arguments, **{**options, **more})  # noqa: PLW1510 - it says so

        vars(local_conf)["subprocess"] = SimpleNamespace(run=run, DEVNULL=subprocess.DEVNULL)
        vars(local_conf)["EVALUATOR"] = self._code / _EVALUATOR.name

    def __exit__(self, *_: object) -> None:
        vars(local_conf)["subprocess"] = subprocess
        vars(local_conf)["EVALUATOR"] = _EVALUATOR


def values(directory: Path, count: int, seed: int) -> tuple[list[Fault], int]:
    """Write values into a local.conf, quoted, and look whether they are read as they are."""
    source = random.Random(f"{seed} values")
    faults = []
    top_dir = _opened(directory / "values")
    with _EvaluatorAsNobody(directory / "bash"):
        for _ in range(count // BATCH):
            wanted = {f"V{number}": _value(source) for number in range(BATCH)}
            lines = [f"{name}={shlex.quote(value)}" for name, value in wanted.items()]
            (top_dir / "local.conf").write_text("\n".join(["[[local|localrc]]", *lines, ""]))
            found = local_conf.read_local_settings(top_dir, {}).variables
            faults += [
                Fault("values", value.encode(), f"is {found.get(name)!r}")
                for name, value in wanted.items()
                if found.get(name) != value
            ]
    return faults, count // BATCH * BATCH


def _value(source: random.Random) -> str:
    """Return a text that may be in a local.conf: no NUL, no header, no line end of Windows."""
    pieces = (*_VALUES, "\n", "\r", "\t", "'", '"', "\\", "$", "`", "\x1b[0m", "\u2028", "ab")
    text = "".join(source.choice(pieces) for _ in range(source.choice((0, 1, 1, 2, 3, 6))))
    return text.replace("\r\n", "\n").replace("\n[[", "[[")


# -- ini files -----------------------------------------------------------------------------------


def ini_files(directory: Path, count: int, seed: int) -> tuple[list[Fault], int]:
    """Change files by the functions of the library, and compare them with the model."""
    source = random.Random(f"{seed} ini")
    place = _opened(directory / "ini")
    faults: list[Fault] = []
    done = 0
    while done < count:
        script, expected = [f"source {shlex.quote(str(directory / 'bash' / 'library.sh'))}"], []
        for number in range(BATCH):
            before = "".join(f"{source.choice(_LINES)}\n" for _ in range(source.randrange(9)))
            before = before.removesuffix("\n") if source.random() < 0.2 else before
            model, operations = Model(before), list(_operations(source))
            for name, *arguments in operations:
                script.append(shlex.join((name, f"{number}.ini", *arguments)))
                getattr(model, name)(*arguments)
            (place / f"{number}.ini").write_text(before)
            _give(place / f"{number}.ini")
            expected.append((before, operations, model.text))
            done += len(operations)
        out = _run("\n".join((*script, "echo all")), place).stdout
        assert out.endswith(b"all\n"), out
        for number, (before, operations, text) in enumerate(expected):
            found = (place / f"{number}.ini").read_text()
            if found != text:
                data = repr((before, operations)).encode()
                faults.append(Fault("ini", data, f"is {found!r}, not {text!r}"))
    return faults, done


def _operations(source: random.Random) -> Iterator[tuple[str, ...]]:
    for _ in range(source.choice((1, 2, 3))):
        section = source.choice(("a", "b", "new", "k.k", "filter:x", "é"))
        option = source.choice(("x", "y", "k.v", "z", "é"))
        name = source.choice(
            ("iniset", "iniset", "inicomment", "iniuncomment", "inidelete", "iniadd_literal",
             "iniset_multiline", "iniadd")
        )  # fmt: skip
        number = {"iniset": 1, "iniadd_literal": 1, "iniset_multiline": 2, "iniadd": 2}.get(name, 0)
        yield name, section, option, *(source.choice(_VALUES) for _ in range(number))


# -- the pipe of the session ---------------------------------------------------------------------


def messages(directory: Path, count: int, seed: int) -> tuple[list[Fault], int]:
    """Send messages by the functions of session.sh, and look whether they are read as they are."""
    source = random.Random(f"{seed} messages")
    place = _opened(directory / "messages")
    (place / "async").mkdir()
    _give(place / "async")
    text = (_BASH / "session.sh").read_text()
    functions = text[text.index("_doitstack_backslash=") : text.index("# Send a request")]
    faults: list[Fault] = []
    for _ in range(count // BATCH):
        sent = [
            ["request", "", *(_value(source) for _ in range(source.randrange(1, 5)))]
            for _ in range(BATCH)
        ]
        lines = [shlex.join(("_doitstack_send", *message)) for message in sent]
        # The pipe ends in a program that only copies it.
        pipe = "exec {_doitstack_messages}> >(exec cat)"
        done = _run(
            "\n".join((pipe, functions, *lines, "exec {_doitstack_messages}>&-", "wait")), place
        )
        found = list(_received(done.stdout))
        faults += [
            Fault("messages of bash", repr(one).encode(), f"is {other}")
            for one, other in zip(sent, [*found, *[[]] * BATCH], strict=False)
            if one != other
        ]
    return faults, count // BATCH * BATCH


def _received(data: bytes) -> Iterator[list[str]]:
    for message in MessageBuffer().take(data):
        if message[0] == "file":
            yield from MessageBuffer().take(Path(message[1]).read_bytes())
            Path(message[1]).unlink()
        else:
            yield message


BashTarget = Callable[[Path, int, int], tuple[list[Fault], int]]

BASH_TARGETS: dict[str, BashTarget] = {
    "evaluator": local_confs,
    "values": values,
    "ini": ini_files,
    "bash-messages": messages,
}
