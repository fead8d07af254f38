"""What a person sees of a run: live on a terminal, plain, quiet."""

import os
import re
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import DOIT, MakeStackDir, Outcome, StackDir
from tests.integration.probes import plugin
from tests.terminal import Screen, Terminal

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"

GATED = plugin("""
    def work(stack, name):
        print(f"{name} begins")
        Path(f"{name}.began").touch()
        passing(name)
        print(f"{name} ends")

    @hookimpl
    def stack_install(stack):
        for name in ("one", "two", "three"):
            yield async_run(name, work, name)
        yield run(work, "main", name="standing")

    @hookimpl
    def stack_extra(stack):
        yield async_wait("one", "two", "three")
""")
"""Futures and a step that wait until the test opens the FIFO of their name."""

GATES = ("main", "one", "two", "three")

Run = Callable[..., Terminal]


@pytest.fixture
def seen() -> Iterator[Run]:
    """Return a function that runs doit in a terminal."""
    made: list[Terminal] = []

    def start(stack: StackDir, *arguments: str, **more: object) -> Terminal:
        own = {"TERM": "xterm-256color", "CI": "", "NO_COLOR": ""}
        environ = {**stack.environ, **own, **more.pop("environ", {})}  # type: ignore[dict-item]
        terminal = Terminal([DOIT, *arguments], stack.path, environ, **more)  # type: ignore[arg-type]
        made.append(terminal)
        return terminal

    yield start
    for terminal in made:
        terminal.close()


def _shell(stack: StackDir) -> Terminal:
    """Return a terminal with a shell that has job control."""
    environ = {**stack.environ, "TERM": "xterm-256color", "CI": "", "PS1": "prompt> "}
    return Terminal(["bash", "--norc", "--noprofile", "-i"], stack.path, environ)


def _gated(make: MakeStackDir, **environ: str) -> StackDir:
    stack = make({DEMO: GATED}, **environ)
    for name in GATES:
        os.mkfifo(stack.path / name)
    return stack


def _open(stack: StackDir, *names: str) -> None:
    for name in names:
        (stack.path / name).write_text("go\n")


def _standing(terminal: Terminal, stack: StackDir) -> None:
    terminal.until_seen("demo: standing")
    terminal.until((stack.path / "main.began").exists, "the step")


def _is_clean(terminal: Terminal, stack: StackDir, *, columns: int = 80) -> bool:
    """Return whether the terminal shows the log, and nothing else, and is as it was."""
    log = Screen(columns)
    log.feed((stack.dest / "logs" / "stack.log").read_bytes().replace(b"\n", b"\r\n"))
    assert terminal.scrollback == log.scrollback
    return terminal.is_cursor_visible and terminal.echoes


def _masked(lines: list[str]) -> list[str]:
    """Return lines without times, and without the blanks that align them."""
    untimed = [re.sub(r"\b(\d+ s|[\d:]+:\d\d)(?!\w)", "N s", line) for line in lines]
    return [re.sub(r"(?<=\S) {3,}", "  ", line) for line in untimed]


# -- live --------------------------------------------------------------------------------------


def test_live_shows_what_runs_and_goes_without_a_trace(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = _gated(stack_dir)
    terminal = seen(stack, "-n", "2", "stack")
    _standing(terminal, stack)
    terminal.until_seen("1 queued: three")
    terminal.until_seen("main begins")

    *above, rule, main, one, two, queued, total = _masked(terminal.lines)
    assert rule == "-" * 79
    assert main == "stack install  demo: standing  N s"
    assert one == "  one  N s  .stack/async/one.log"
    assert two == "  two  N s  .stack/async/two.log"
    assert queued == "  1 queued: three"
    assert total == "0/5 steps, N s gone, log .stack/logs/stack.log"
    assert "main begins" in above
    assert not terminal.echoes

    _open(stack, *GATES)
    assert terminal.end() == 0
    assert _is_clean(terminal, stack)
    assert "doit stack: done in" in "\n".join(terminal.lines[-3:])


def test_live_compares_with_last_time(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = _gated(stack_dir)
    for _ in range(2):
        (stack.path / "main.began").unlink(missing_ok=True)
        terminal = seen(stack, "stack")
        _standing(terminal, stack)
        terminal.until_seen("three  ")
        lines = _masked(terminal.lines)
        _open(stack, *GATES)
        assert terminal.end() == 0
    assert "about N s left" in lines[-1]
    assert "stack install  demo: standing  N s (last N s)" in lines
    assert "  three  N s  last N s  .stack/async/three.log" in lines


def test_live_shows_whole_lines_of_programs_that_write_by_themselves(
    stack_dir: MakeStackDir, seen: Run
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                @hookimpl
                def stack_install(stack):
                    yield run(["sh", "-c", "printf 'half '; touch half; cat gate; printf end"])
            """)
        }
    )
    os.mkfifo(stack.path / "gate")
    terminal = seen(stack, "stack")
    terminal.until((stack.path / "half").exists, "half a line")
    terminal.until(
        lambda: any(re.match(r".*demo: sh  [1-9]", line) for line in terminal.lines), "a second"
    )
    assert "half " not in "\n".join(terminal.lines)
    (stack.path / "gate").write_text("a line\nand ")
    assert terminal.end() == 0
    assert "half a line" in terminal.scrollback
    assert _is_clean(terminal, stack)


def test_live_shows_bytes_as_they_are(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(r"""
                def talk(stack):
                    os.write(1, b"\x1b[31mred\x1b[0m \xff\xfe \xe6\xbc\xa2\n" * 3)
                    os.write(1, b"x" * 300 + b"\n")

                @hookimpl
                def stack_install(stack):
                    yield async_run("talk", talk)
                    yield run(talk, name="main")
                    yield async_wait("talk")
            """)
        }
    )
    terminal = seen(stack, "stack")
    assert terminal.end() == 0
    talk = b"\x1b[31mred\x1b[0m \xff\xfe \xe6\xbc\xa2\r\n" * 3 + b"x" * 300 + b"\r\n"
    assert terminal.received.count(talk) == 2
    assert _is_clean(terminal, stack)


@pytest.mark.parametrize(("columns", "lines"), [(10, 4), (3, 2), (40, 12), (200, 50)])
def test_live_fits_a_terminal_of_any_size(
    stack_dir: MakeStackDir, seen: Run, columns: int, lines: int
) -> None:
    stack = _gated(stack_dir)
    terminal = seen(stack, "stack", columns=columns, lines=lines)
    terminal.until((stack.path / "main.began").exists, "the step")
    _open(stack, *GATES)
    assert terminal.end() == 0
    assert _is_clean(terminal, stack, columns=columns)


def test_live_follows_the_size_of_the_terminal(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = _gated(stack_dir)
    terminal = seen(stack, "stack", columns=80, lines=24)
    _standing(terminal, stack)
    terminal.resize(120, 30)
    terminal.until_seen("-" * 119)
    assert sum("demo: standing  " in line for line in terminal.lines) == 1
    _open(stack, *GATES)
    assert terminal.end() == 0
    assert "gone, log" not in "\n".join(terminal.scrollback)
    assert terminal.echoes


def test_live_leaves_room_when_there_are_more_futures_than_lines(
    stack_dir: MakeStackDir, seen: Run
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                @hookimpl
                def stack_install(stack):
                    for number in range(30):
                        yield async_run(f"f{number}", ["head", "-c1", "gate"])
                    yield run(["head", "-c1", "gate"])
                    yield async_wait(*(f"f{number}" for number in range(30)))
            """)
        }
    )
    os.mkfifo(stack.path / "gate")
    terminal = seen(stack, "stack")
    terminal.until_seen("  and 22 more: f8, f9, ")
    assert len([line for line in terminal.lines if line.startswith("  f")]) == 8
    # It stays open, as some may open it later than others.
    with (stack.path / "gate").open("r+b", buffering=0) as gate:
        gate.write(b"\n" * 31)
        assert terminal.end() == 0
    assert _is_clean(terminal, stack)


def test_live_is_not_moved_by_what_is_typed(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = _gated(stack_dir)
    terminal = seen(stack, "stack")
    _standing(terminal, stack)
    terminal.until(lambda: not terminal.echoes, "the end of the echo")
    terminal.type("\n\nwords\n")
    _open(stack, *GATES)
    assert terminal.end() == 0
    assert _is_clean(terminal, stack)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGQUIT, 131), (signal.SIGTERM, 143)],
    ids=["INT", "QUIT", "TERM"],
)
def test_live_run_that_is_interrupted_leaves_a_clean_terminal(
    stack_dir: MakeStackDir, seen: Run, number: signal.Signals, code: int
) -> None:
    stack = _gated(stack_dir)
    terminal = seen(stack, "-n", "1", "stack", columns=200)
    _standing(terminal, stack)
    terminal.until_seen("2 queued")
    if key := {signal.SIGINT: "\x03", signal.SIGQUIT: "\x1c"}.get(number):
        terminal.type(key)
    else:
        os.kill(terminal.pid, number)
    assert terminal.end() == code
    assert _is_clean(terminal, stack, columns=200)
    assert re.sub(r"\d+\.\d", "N", "\n".join(terminal.lines[-4:])) == (
        f"INTERRUPTED by {number.name} after N s: stack install: plugin demo: step standing\n"
        f"stopped because of it: one; not run because of it: two, three\n"
        f"log: {stack.dest}/logs/stack.log\n"
        f"resume with: doit stack"
    )


def test_live_run_whose_terminal_goes_away_ends_as_on_ctrl_c(
    stack_dir: MakeStackDir, seen: Run
) -> None:
    stack = _gated(stack_dir)
    terminal = seen(stack, "stack")
    _standing(terminal, stack)
    terminal.until_seen("gone, log")
    assert terminal.hang_up() == 128 + signal.SIGHUP
    assert Outcome(129, "", stack).journal[-1]["event"] == "run_end"
    log = (stack.dest / "logs" / "stack.log").read_text()
    assert "Traceback" not in log
    assert "\nINTERRUPTED by SIGHUP after " in log


def test_live_run_that_is_stopped_and_goes_on_leaves_the_terminal_to_others(
    stack_dir: MakeStackDir,
) -> None:
    stack = _gated(stack_dir)
    terminal = _shell(stack)
    try:
        terminal.until_seen("prompt>")
        terminal.type(f"{DOIT} stack; echo code $?\n")
        _standing(terminal, stack)
        terminal.until_seen("gone, log")
        terminal.type("\x1a")
        terminal.until_seen("Stopped")
        terminal.until(lambda: terminal.lines[-1] == "prompt>", "the prompt")
        assert "gone, log" not in "\n".join(terminal.lines)
        terminal.type("echo shell $((40 + 2))\n")
        terminal.until_seen("shell 42")
        terminal.type("fg\n")
        terminal.until_seen("gone, log")
        _open(stack, *GATES)
        terminal.until(
            lambda: "code 0" in terminal.lines or "code 148" in terminal.lines, "the end"
        )
        terminal.until(lambda: terminal.lines[-1] == "prompt>", "the prompt")
        assert "gone, log" not in "\n".join(terminal.scrollback)
        assert "doit stack: done in" in "\n".join(terminal.scrollback)
    finally:
        terminal.close()


def test_live_run_in_the_background_draws_nothing(stack_dir: MakeStackDir) -> None:
    stack = _gated(stack_dir)
    terminal = _shell(stack)
    try:
        terminal.until_seen("prompt>")
        terminal.type(f"{DOIT} stack &\n")
        terminal.until_seen("main begins")
        terminal.until((stack.path / "main.began").exists, "the step")
        _open(stack, *GATES)
        terminal.until(lambda: "doit stack: done in" in "\n".join(terminal.lines), "the end")
        assert b"gone, log" not in terminal.received
    finally:
        terminal.close()


def test_failure_is_the_last_thing_on_a_live_screen(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                def bad(stack):
                    print("of the future")
                    raise RuntimeError("of no use")

                @hookimpl
                def stack_install(stack):
                    yield run(shell("trap 'echo last words of the shell' EXIT"))
                    yield async_run("bad", bad)
                    yield async_wait("bad")
                    yield run(["true"], name="later")
            """)
        }
    )
    terminal = seen(stack, "stack", columns=200)
    assert terminal.end() == 1
    assert _is_clean(terminal, stack, columns=200)
    lines = [
        re.sub(r"FAILED( after \d+\.\d s)?:", "FAILED after N s:", x) for x in terminal.scrollback
    ]
    assert "last words of the shell" in lines
    assert lines[-5:] == [
        "",
        "FAILED after N s: stack install: plugin demo: future bad: RuntimeError: of no use",
        "not run because of it: later",
        f"log: {stack.dest}/async/bad.log",
        "fix it, then resume with: doit stack",
    ]
    assert lines[-6] == "    RuntimeError: of no use"


# -- plain and quiet -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ", [{"TERM": "dumb"}, {"CI": "true"}, {"DOIT_CONSOLE": "plain"}], ids=str
)
def test_no_escape_sequences_without_a_live_terminal(
    stack_dir: MakeStackDir, seen: Run, environ: dict[str, str]
) -> None:
    stack = stack_dir({DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(["echo", "a program"])
    """)})  # fmt: skip
    terminal = seen(stack, "stack", environ=environ)
    assert terminal.end() == 0
    log = (stack.dest / "logs" / "stack.log").read_bytes()
    assert terminal.received == log.replace(b"\n", b"\r\n")
    assert b"\x1b" not in terminal.received


def test_plain_shows_starts_and_ends(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            yield async_run("slow", ["sh", "-c", "sleep 0.3"])
            yield run(["sleep", "0.2"], name="work")
            yield async_wait("slow")
    """)})  # fmt: skip
    told = [
        re.sub(r":\d+\]", ":PID]", re.sub(r"\(\d+\.\d s\)", "(N s)", line))
        for line in stack.run("stack").ok().lines
    ]
    for line in (
        "==> stack install: demo: work",
        "<== stack install: demo: work (N s)",
        "==> stack install: demo: async_run slow",
        "[Async slow:PID]: finished successfully",
        "<== stack install: demo: async_run slow (N s)",
    ):
        assert line in told
    assert re.fullmatch(
        rf"doit stack: done in \d+\.\d s: 3 steps run, 0 up to date; log: {stack.dest}"
        rf"/logs/stack\.log",
        told[-1],
    )


def test_long_silence_is_broken_by_what_still_runs(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: plugin("""
        from doitstack.console import main_log

        TOLD = "until grep -q '^[.]* still running: %s' .stack/logs/stack.log; do sleep 0.05; done"

        def standing(stack):
            main_log.SILENCE = 0.3
            stack.run(["sh", "-c", TOLD % "demo: standing ([0-9]* s), slow ("])

        @hookimpl
        def stack_install(stack):
            yield async_run("slow", ["sh", "-c", TOLD % "slow (" + "; echo slow ends"])
            yield run(standing)
            yield async_wait("slow")
    """)})  # fmt: skip
    told = [line for line in stack.run("stack").ok().lines if line.startswith("... ")]
    log = f"{stack.dest}/async/slow.log"
    silent = [re.sub(r"\d+ s", "N s", line) for line in told]
    assert list(dict.fromkeys(silent)) == [
        f"... still running: demo: standing (N s), slow (N s, {log})",
        f"... still running: slow (N s, {log})",
    ]


def test_quiet_shows_warnings_and_the_end(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            yield async_run("slow", ["echo", "slow"])
            yield run(["sh", "-c", "echo much; echo 'ERROR: but it goes on'"])
    """)})  # fmt: skip
    told = stack.run("--console", "quiet", "stack").ok().lines
    assert told[:-1] == [
        "WARNING: future slow of plugin demo is never waited for",
        "ERROR: but it goes on",
        "WARNING: uncollected async future slow",
        "WARNING: future slow of plugin demo is never waited for",
    ]
    assert told[-1].startswith("doit stack: done in ")
    assert "\nmuch\n" in (stack.dest / "logs" / "stack.log").read_text()


def test_quiet_shows_a_failure(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(["sh", "-c", "echo the reason; exit 3"])
    """)})  # fmt: skip
    told = stack.run("--console", "quiet", "stack").failed(1).lines
    error = "stack install: plugin demo: step sh: sh ended with code 3; its output is above"
    assert told[:5] == [f"ERROR: {error}", "", "the last lines of sh:", "    the reason", ""]
    assert re.fullmatch(rf"FAILED( after \d+\.\d s)?: {error}", told[5])
    assert told[-1] == "fix it, then resume with: doit stack"


def test_mode_is_an_option_of_doit(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(["echo", "much"])
    """)})  # fmt: skip
    assert "much" in stack.run("stack").ok().lines
    with (stack.path / "pyproject.toml").open("a") as file:
        file.write('[tool.doit.commands.run]\nconsole = "quiet"\n')
    assert "much" not in stack.run("stack").ok().lines
    assert "much" in stack.run("stack", DOIT_CONSOLE="plain").ok().lines
    assert "much" not in stack.run("--console=quiet", "stack", DOIT_CONSOLE="plain").ok().lines
    wrong = stack.run("--console", "loud", "stack").failed(3)
    assert "--console loud: use auto, live, plain, quiet" in wrong.out


ORDERED = plugin("""
    def let(name):
        \"\"\"Return a program that lets a future go on, and stays until its end is known.\"\"\"
        seen = f'"event": "future_end", "name": "{name}"'
        wait = f"until grep -q '{seen}' .stack/logs/runs/*.jsonl; do sleep 0.01; done"
        return ["sh", "-c", f"echo go > {name}; {wait}"]

    @hookimpl
    def stack_install(stack):
        yield async_run("a", ["cat", "a"])
        yield async_run("b", ["cat", "b"])
        yield run(let("b"), name="let_b")
        yield run(let("a"), name="let_a")
        yield async_wait("a", "b")

    @hookimpl
    def stack_extra(stack):
        yield run(["sh", "-c", "exit 3"])
        yield run(["true"])
""")


def test_mode_changes_nothing_of_a_run(stack_dir: MakeStackDir, seen: Run) -> None:
    told = {}
    for way in ("live", "plain", "quiet"):
        stack = stack_dir({DEMO: ORDERED}, name=way)
        for name in "ab":
            os.mkfifo(stack.path / name)
        assert seen(stack, "--console", way, "stack").end() == 1
        told[way] = [
            (found["event"], found.get("task") or found.get("name"))
            for found in Outcome(1, "", stack).journal
            if found["event"] not in ("usage", "time")
        ]
    assert ("step_not_run", "stack:extra:demo:true") in told["plain"]
    assert told["live"] == told["plain"] == told["quiet"]


def test_rich_is_imported_for_live_lines_only(stack_dir: MakeStackDir, seen: Run) -> None:
    stack = stack_dir({DEMO: plugin("""
        def look(stack):
            print("with rich" if "rich" in sys.modules else "without")

        @hookimpl
        def stack_install(stack):
            yield run(look)
    """)})  # fmt: skip
    assert "without" in stack.run("stack").ok().lines
    terminal = seen(stack, "stack")
    assert terminal.end() == 0
    assert "with rich" in terminal.scrollback
