"""Evaluates many local.confs with one bash, which forks for each one.

A bash for each input reads the library again each time, which takes most of the time. What ends
early is evaluated once more by a process of its own, as doitstack does: at some errors, bash ends
a subshell but goes on in a shell.
"""

import os
import select
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doitstack.config import local_conf

_PATIENCE = 250.0
"""Seconds after which an evaluation hangs."""

_CPU_SECONDS = 20
_LONGEST_FILE = 16 << 10
"""In units of 1024 bytes."""

_SYNTAX_CHECK = 'bash -n "$1" || exit 2\n'
_HANDLER = "trap 'builtin exit 1' USR1\n"
_OUTPUT = "exec {_doitstack_out}>&1 1>&2\n"
_REST = "_doitstack_failed() {\n"

_LOOP = """
exec {_doitstack_asked}<&0 {_doitstack_answers}>&1 </dev/null
ulimit -f %(size)d
umask 077
while read -r -u "$_doitstack_asked" _doitstack_name; do
    (
        exec >"%(answers)s/out" 2>"%(answers)s/err" {_doitstack_asked}<&- {_doitstack_answers}>&-
        ulimit -t %(cpu)d
        _doitstack_pid=$BASHPID
        bash -n "$_doitstack_file" || builtin exit 2
        %(handler)s
        %(output)s
        %(rest)s
    )
    printf '%%s\\n' "$?" >&"$_doitstack_answers"
done
"""


class Evaluations:
    """Takes the place of the process that `local_conf` starts, in the block.

    `top_dir` belongs to the user that bash runs as: see `rights`, arguments of subprocess.Popen.
    """

    def __init__(self, code: Path, top_dir: Path, rights: dict[str, Any]) -> None:
        self._evaluator = code / local_conf.EVALUATOR.name
        self._top_dir = top_dir
        self._rights = rights
        self._script = top_dir.with_name(f"{top_dir.name}.localrc")
        self._answers = top_dir.with_name(f"{top_dir.name}.answers")
        self._bash: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> None:
        self._answers.mkdir(exist_ok=True)
        if user := self._rights.get("user"):
            os.chown(self._answers, user, -1)
        self._replaced = local_conf._run_evaluator
        vars(local_conf)["_run_evaluator"] = self._evaluate

    def __exit__(self, *_: object) -> None:
        vars(local_conf)["_run_evaluator"] = self._replaced
        self._end()

    def _evaluate(
        self, path: Path, script: str, variables: Mapping[str, str]
    ) -> local_conf._Answer:
        answer = self._evaluate_in_fork(path, script)
        ends = (b"end\0\0\0\0", b"mistake\0")
        if answer.code == local_conf._BAD_SYNTAX or any(end in answer.stdout for end in ends):
            return answer
        return self._replaced(path, script, variables)

    def _evaluate_in_fork(self, path: Path, script: str) -> local_conf._Answer:
        self._script.write_text(script, encoding="utf-8", newline="")
        bash = self._bash = self._bash or self._start()
        assert bash.stdin
        assert bash.stdout
        os.write(bash.stdin.fileno(), b"next\n")
        if not select.select([bash.stdout], [], [], _PATIENCE)[0]:
            self._end()
            raise TimeoutError("hangs")
        line = os.read(bash.stdout.fileno(), 100)
        if not line:
            self._end()
        out, err = (self._answer(name) for name in ("out", "err"))
        text = err.decode(errors="replace").replace(str(self._script), str(path))
        return local_conf._Answer(int(line or b"-1"), out, text)

    def _answer(self, name: str) -> bytes:
        """Return and remove an answer: a process in the background may still write to it."""
        file = self._answers / name
        data = file.read_bytes() if file.exists() else b""
        file.unlink(missing_ok=True)
        return data

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", self._code(), "bash", str(self._script)],
            cwd=self._top_dir,
            env={
                "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                "DEST": str(self._top_dir), "HOST_IP": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._rights,
        )  # fmt: skip

    def _code(self) -> str:
        """Return the evaluator, which reads the library once and forks for the rest."""
        text = self._evaluator.read_text()
        assert all(text.count(part) == 1 for part in (_SYNTAX_CHECK, _HANDLER, _OUTPUT, _REST))
        place = str(self._evaluator.parent)
        text = text.replace('"$$"', '"$_doitstack_pid"').replace("${BASH_SOURCE[0]%/*}", place)
        library, rest = text.split(_REST)
        for part in (_SYNTAX_CHECK, _HANDLER, _OUTPUT):
            library = library.replace(part, "")
        options = {
            "answers": self._answers,
            "size": _LONGEST_FILE,
            "cpu": _CPU_SECONDS,
            "handler": _HANDLER,
            "output": _OUTPUT,
            "rest": _REST + rest,
        }
        return library + _LOOP % options

    def _end(self) -> None:
        """End bash and what it has started."""
        if self._bash:
            os.killpg(self._bash.pid, signal.SIGKILL)
            self._bash.communicate()
            self._bash = None
