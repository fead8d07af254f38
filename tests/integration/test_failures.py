"""The last words of runs that fail, in all the ways there are."""

import re

import pytest

from tests.conftest import MakeStackDir, Outcome, StackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"
SCRIPT = "extras.d/60-script.sh"

ACTIONS = plugin("""
    def raising(stack):
        print("about to raise")
        {}["lost"]

    def killed(stack):
        print("about to die", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def by_stack(stack):
        print("about to run")
        stack.run(["sh", "-c", "set -x; echo of the program; sh -c 'exit 4'"])

    NOISY = 'set -x; for n in $(seq 30); do echo "line $n"; done; echo "+1 real"; exit 6'
""")

AGAIN = "fix it, then resume with: doit stack"


def _words(outcome: Outcome) -> list[str]:
    """Return the last words, without times and directories."""
    text = outcome.failed(1).out.replace(str(outcome.directory.path), "/d")
    lines = re.sub(r"FAILED( after \d+\.\d s)?:", "FAILED after N s:", text).splitlines()
    last = max(number for number, line in enumerate(lines) if line == "")
    starts = [n for n, line in enumerate(lines) if line.startswith("the last lines of ")]
    return lines[starts[-1] if starts else last :]


FIRST = ACTIONS.count("\n") + 3
"""The line of the first step in a plugin that `_python` makes."""

PLACE = f"/d/{DEMO}:{FIRST}: "


def _python(make: MakeStackDir, steps: str, **environ: str) -> StackDir:
    hook = "@hookimpl\ndef stack_install(stack):\n" + "".join(
        f"    {line.strip()}\n" for line in steps.strip().splitlines()
    )
    return make({DEMO: ACTIONS + hook}, **environ)


def test_failed_python_step_is_shown_with_its_traceback(stack_dir: MakeStackDir) -> None:
    words = _words(_python(stack_dir, "yield run(raising)").run("stack"))
    assert words[:2] == ["the last lines of raising:", "    about to raise"]
    assert words[2] == "    Traceback (most recent call last):"
    assert words[-5:] == [
        "    KeyError: 'lost'",
        "",
        "FAILED after N s: stack install: plugin demo: step raising: KeyError: 'lost'",
        "log: /d/.stack/logs/stack.log",
        AGAIN,
    ]


@pytest.mark.parametrize(
    ("action", "name", "lines", "reason"),
    [
        (
            "['sh', '-c', 'echo words; exit 3']",
            "sh",
            ["words"],
            "sh ended with code 3; its output is above",
        ),
        (
            "['sh', '-c', 'echo words; kill -KILL $$']",
            "sh",
            ["words"],
            "sh was killed by SIGKILL; its output is above",
        ),
        (
            "by_stack",
            "by_stack",
            ["about to run", "of the program"],
            "sh ended with code 4; its output is above",
        ),
        ("['nowhere']", "nowhere", [],
         "nowhere cannot be run: No such file or directory: nowhere"),
        ("shell('echo words; false')", "echo", ["words"],
         f"/d/{DEMO}:{FIRST + 1}: 'false' ended with code 1"),
        ("shell('echo words; exit 3')", "echo", ["words"],
         f"/d/{DEMO}:{FIRST + 1}: exit 3 in a command; use `die` with a message"),
        ("lambda stack: stack.shell('exit 3'), name='mine'", "mine", [],
         f"/d/{DEMO}:{FIRST + 1}: exit 3 in a command; use `die` with a message"),
    ],
)  # fmt: skip
def test_failed_program_of_the_main_line_is_shown_with_its_own_lines(
    stack_dir: MakeStackDir, action: str, name: str, lines: list[str], reason: str
) -> None:
    stack = _python(stack_dir, f"yield run(['echo', 'of another step'])\nyield run({action})")
    excerpt = [f"the last lines of {name}:", *(f"    {line}" for line in lines), ""]
    assert _words(stack.run("stack")) == [
        *(excerpt if lines else [""]),
        f"FAILED after N s: stack install: plugin demo: step {name}: {reason}",
        "log: /d/.stack/logs/stack.log",
        AGAIN,
    ]


@pytest.mark.parametrize(
    ("action", "lines", "reason"),
    [
        ("raising", ["about to raise", "KeyError: 'lost'"], "KeyError: 'lost'"),
        ("killed", ["about to die"], "was killed by SIGKILL"),
        (
            "by_stack",
            ["about to run", "of the program", "ERROR: sh ended with code 4; its output is above"],
            "sh ended with code 4; its output is above",
        ),
        ("shell('echo words; (exit 5)')", ["words"], f"{PLACE}exit code 5"),
        (
            "shell('echo words; kill -KILL $BASHPID')",
            ["words"],
            f"{PLACE}ended without recording an exit code: it was killed, or its EXIT trap "
            f"replaced ours",
        ),
        ("shell('echo words; (exit 139)')", ["words"], f"{PLACE}exit code 139 (128 + SIGSEGV)"),
        (
            "['sh', '-c', NOISY]",
            [*(f"line {number}" for number in range(13, 31)), "+1 real"],
            "sh ended with code 6; its output is above",
        ),
    ],
)
def test_failed_future_is_shown_with_its_log_and_what_was_not_run(
    stack_dir: MakeStackDir, action: str, lines: list[str], reason: str
) -> None:
    stack = _python(
        stack_dir,
        f"""
        yield async_run("bad", {action})
        yield async_wait("bad")
        for number in range(5): yield run(["true"], name=f"later_{{number}}")
        yield async_run("never", ["true"])
        yield async_wait("never")
        """,
    )
    words = _words(stack.run("stack"))
    excerpt = [line.removeprefix("    ") for line in words[1 : words.index("")]]
    assert words[0] == "the last lines of bad:"
    assert [line for line in excerpt if line in lines] == lines
    assert len(excerpt) <= 20
    assert not [line for line in excerpt if line.startswith("+ ")]
    assert words[words.index("") + 1 :] == [
        f"FAILED after N s: stack install: plugin demo: future bad: {reason}",
        "not run because of it: later_0, later_1, later_2 and 3 more",
        "log: /d/.stack/async/bad.log",
        AGAIN,
    ]


BASH = """\
work() {
    echo "in work"
    false
}
if [[ "$1 $2" == "stack install" ]]; then
    echo "of the script"
    %s
fi
"""


def test_failed_script_is_shown_with_its_place_and_its_trace(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({SCRIPT: BASH % "set -x; work"})
    assert _words(stack.run("stack")) == [
        "the last lines of 60-script.sh:",
        "    of the script",
        "    in work",
        "",
        "FAILED after N s: stack install: plugin script: step 60-script.sh: "
        "/d/extras.d/60-script.sh:3: 'false' ended with code 1 (in work)",
        "log: /d/.stack/logs/stack.log",
        "trace of its commands: /d/.stack/logs/xtrace/stack:install:script:60-script.sh.log",
        AGAIN,
    ]
    traces = stack.dest / "logs" / "xtrace"
    assert "echo 'in work'" in (traces / "stack:install:script:60-script.sh.log").read_text()


def test_future_of_a_script_is_the_cause_and_not_its_step(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({SCRIPT: BASH % "async_run own work; async_wait own"})
    words = _words(stack.run("stack"))
    assert words[:2] == ["the last lines of own:", "    in work"]
    assert words[words.index("") + 1 :] == [
        "FAILED after N s: stack install: plugin script: future own: exit code 1",
        "not run because of it: 60-script.sh",
        "log: /d/.stack/async/own.log",
        AGAIN,
    ]


def test_future_that_failed_before_the_step_is_shown_first(stack_dir: MakeStackDir) -> None:
    stack = _python(
        stack_dir,
        """
        begun = "until [ -e begun ]; do sleep 0.01; done"
        yield async_run("early", ["sh", "-c", f"{begun}; echo the cause; exit 7"])
        ended = "until grep -q '^rc' $DEST/async/early.ini; do sleep 0.01; done"
        yield run(shell(f"touch begun; {ended}; false"), name="late")
        yield async_wait("early")
        """,
    )
    assert _words(stack.run("stack")) == [
        "the last lines of early:",
        "    the cause",
        "    ERROR: sh ended with code 7; its output is above",
        "",
        "FAILED after N s: stack install: plugin demo: future early: sh ended with code 7; "
        "its output is above",
        f"FAILED after N s: stack install: plugin demo: step late: /d/{DEMO}:{FIRST + 3}: "
        "'false' ended with code 1",
        "log: /d/.stack/async/early.log",
        AGAIN,
    ]


def test_uncollected_future_that_failed_is_shown_if_that_is_strict(stack_dir: MakeStackDir) -> None:
    steps = "yield async_run('alone', ['sh', '-c', 'exit 7'])\nyield run(['true'])"
    words = _words(_python(stack_dir, steps, ASYNC_STRICT="True").run("stack"))
    assert words[-3:-1] == [
        "FAILED after N s: stack install: plugin demo: future alone: sh ended with code 7; "
        "its output is above",
        "log: /d/.stack/async/alone.log",
    ]


def test_future_that_cannot_start_is_shown(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: BASH % "async_run taken sleep 60",
            "extras.d/70-demo.py": ACTIONS
            + "@hookimpl\ndef stack_extra(stack):\n    yield async_run('taken', ['true'])\n",
        }
    )
    assert _words(stack.run("stack")) == [
        "",
        "FAILED after N s: stack extra: plugin demo: step taken: "
        "is already started and not collected; use another name",
        "stopped because of it: taken; not run because of it: 60-script.sh",
        "log: /d/.stack/logs/stack.log",
        AGAIN,
    ]


def test_session_that_dies_before_its_answer_is_a_failed_step(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                from doitstack.processes.tree import look_up

                def outlives_the_session(stack):
                    until(Path("pid").exists)
                    pid = int(Path("pid").read_text())
                    until(lambda: (session := look_up(pid)) is None or session.is_zombie)

                @hookimpl
                def stack_pre_install(stack):
                    yield async_run("slow", outlives_the_session)
            """),
            SCRIPT: """\
                if [[ "$1 $2" == "stack install" ]]; then
                    echo $$ >new
                    _doitstack_send request '' async_wait slow
                    mv new pid
                    kill -KILL $$
                fi
            """,
        }
    )

    outcome = stack.run("stack").failed(1)

    # The run learns first of the end of the future, and answers nobody, or of that of the session.
    assert "the bash session has ended with code -9" in outcome.out


@pytest.mark.parametrize("verb", ["run(print,", 'async_run("print", print,'])
def test_uptodate_that_raises_is_a_failure_with_its_place(
    stack_dir: MakeStackDir, verb: str
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(f"""
                def bad():
                    return 1 / 0

                @hookimpl
                def stack_install(stack):
                    yield {verb} uptodate=[bad])

                @hookimpl
                def stack_extra(stack):
                    yield run(print, "not reached")
            """)
        }
    )
    outcome = stack.run("stack")
    assert outcome.code in {1, 2}
    assert "Traceback" not in outcome.out
    place = f"{stack.path / DEMO}, line"
    assert f"its uptodate raised ZeroDivisionError: division by zero ({place}" in outcome.out
    assert "not reached" not in outcome.out
    assert "ZeroDivisionError" in stack.run("list", "--all", "--status").failed(3).out
