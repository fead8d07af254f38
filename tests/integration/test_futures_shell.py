"""Futures that bash scripts start, and futures that Python and bash share, in real runs."""

import os
import signal

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import is_dead, plugin, transcript

pytestmark = pytest.mark.usefixtures("served_runs")

PYTHON = "extras.d/50-demo.py"
SCRIPT = "extras.d/60-script.sh"

HELPERS = """\
until_logged() {
    local text=$1 times=${2:-1} tries=0
    while (($(grep -cF -- "$text" "$LOGDIR/stack.log") < times)); do
        sleep 0.01
        ((++tries < 20000)) || die $LINENO "$text did not come"
    done
}
"""


def script(install: str, functions: str = "") -> str:
    """Return the source of a drop-in that does `install` in the phase of that name."""
    return f"""{HELPERS}
{functions}
if [[ "$1 $2" == "stack install" ]]; then
{install}
fi
"""


def test_shell_future_writes_to_its_own_log_until_it_is_collected(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run noisy noisy 'two words'
until [[ -s $DEST/async/noisy.log ]]; do sleep 0.01; done
[[ $(<"$DEST/async/noisy.log") == "first half" ]]
! grep -q half "$LOGDIR/stack.log"
echo on the main line
echo go >gate
until_logged 'finished successfully'
async_wait noisy
""",
                "noisy() { echo first half; read -r _ <gate; echo second half; }",
            )
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert transcript(outcome) == [
        "[Async noisy:PID]: running: noisy two words",
        "on the main line",
        "[Async noisy:PID]: finished successfully",
        "[Async noisy:PID]: Waiting for completion of noisy two words (0 other jobs running)",
        "first half",
        "second half",
        "[Async noisy:PID]: finished noisy two words with result 0 in N seconds",
    ]
    assert stack.log("noisy") == "first half\nsecond half\n"
    assert not (stack.dest / "async" / "noisy.ini").exists()
    assert oct((stack.dest / "async" / "noisy.log").stat().st_mode) == "0o100600"


def test_shell_futures_that_write_at_once_are_inserted_whole(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
for name in a b c d; do async_run $name noisy $name; done
async_wait c a d b
""",
                """
noisy() {
    for number in {0..499}; do echo "$1 $number"; done
    printf '%s' "$1 end without a newline"
}""",
            )
        }
    )

    lines = stack.run("stack").ok().lines

    for name in "abcd":
        whole = [f"{name} {number}" for number in range(500)] + [f"{name} end without a newline"]
        start = lines.index(f"{name} 0")
        assert lines[start : start + 501] == whole
    order = [line for line in lines if line.endswith(" 0") and line[0] in "abcd"]
    assert order == ["c 0", "a 0", "d 0", "b 0"]


def test_arguments_of_a_shell_function_arrive_as_given(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run keep keep 'two words' '' '*' "it's" '"quoted"' '$HOME' $'a\\nb' '\\n' -n 'a=b'
async_runfunc named_like_this 'again *'
async_wait keep named_like_this
""",
                """
keep() { printf '%s\\0' "$@"; }
named_like_this() { printf '%s\\0' "$@"; }
""",
            )
        }
    )

    outcome = stack.run("stack").ok()

    words = ["two words", "", "*", "it's", '"quoted"', "$HOME", "a\nb", "\\n", "-n", "a=b", ""]
    assert stack.log("keep").split("\0") == words
    assert stack.log("named_like_this").split("\0") == ["again *", ""]
    told = [line for line in transcript(outcome) if line.startswith("[Async keep:PID]")]
    assert len(told) == 4, "the command stays on one line"


def test_shell_wait_collects_in_order_and_stops_at_the_first_failure(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run a leave 0
async_run b leave 7
async_run c leave 9
until_logged 'finished successfully'
until_logged 'FAILED with rc' 2
async_wait a b c || echo "code $?"
async_wait c || echo "code $?"
""",
                "leave() { echo leaving with $1; return $1; }",
            )
        }
    )

    outcome = stack.run("stack").ok()

    told = transcript(outcome)
    assert "[Async b:PID]: FAILED with rc 7" in told
    assert told[next(i for i, line in enumerate(told) if "Waiting" in line) :] == [
        "[Async a:PID]: Waiting for completion of leave 0 (0 other jobs running)",
        "leaving with 0",
        "[Async a:PID]: finished leave 0 with result 0 in N seconds",
        "[Async b:PID]: Waiting for completion of leave 7 (0 other jobs running)",
        "leaving with 7",
        "[Async b:PID]: finished leave 7 with result 7 in N seconds",
        "Stopping async wait due to error: a b c",
        "code 7",
        "[Async c:PID]: Waiting for completion of leave 9 (0 other jobs running)",
        "leaving with 9",
        "[Async c:PID]: finished leave 9 with result 9 in N seconds",
        "Stopping async wait due to error: c",
        "code 9",
    ]


def test_wait_for_futures_that_ask_the_main_process_ends(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
for n in 1 2 3 4; do
    async_run f$n say $n
done
async_wait f1 f2 f3 f4
""",
                "say() { for _ in {1..20}; do echo_summary said $1; done; }",
            )
        }
    )

    lines = stack.run("stack").ok().lines

    assert [lines.count(f"said {n}") for n in (1, 2, 3, 4)] == [20] * 4


def test_requests_that_come_in_one_read_with_a_wait_are_answered(stack_dir: MakeStackDir) -> None:
    # While the main process is stopped, the wait and the future's request gather in the pipe.
    stack = stack_dir(
        {
            SCRIPT: script(
                """
main=$PPID
async_run f say
kill -STOP "$main"
(
    until [[ -p $DEST/async/.answer.$(async_pidof f) ]]; do sleep 0.01; done
    sleep 0.2
    kill -CONT "$main"
) &
async_wait f
""",
                "say() { sleep 0.1; echo_summary said; }",
            )
        }
    )

    assert "said" in stack.run("stack").ok().lines


def test_failed_wait_of_a_script_fails_the_run_with_its_place(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: """\
        if [[ "$1 $2" == "stack install" ]]; then
            async_run bad false
            async_wait bad
            echo must not be reached
        fi
    """
        }
    )

    outcome = stack.run("stack").failed(1)

    error = (
        "ERROR: stack install: plugin script: step 60-script.sh: "
        f"{stack.path}/extras.d/60-script.sh:3: 'async_wait' ended with code 1"
    )
    assert error in outcome.lines
    assert "must not be reached" not in outcome.lines
    assert "Total runtime" in outcome.out
    assert "Traceback" not in outcome.out


def test_shell_future_stops_at_its_first_failing_command(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run bad steps
async_wait bad || echo "code $?"
""",
                "steps() { echo one; (exit 3); echo two; }",
            )
        }
    )

    outcome = stack.run("stack").ok()

    assert "code 3" in outcome.lines
    assert "two" not in outcome.lines
    assert "60-script.sh:9: '( exit 3 )' ended with code 3" in stack.log("bad")


def test_exit_in_a_shell_future_is_reported_with_its_place(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run bad leave
async_run good eval '(exit 4) || exit 0'
async_wait good
async_wait bad || echo "code $?"
""",
                "leave() { echo one; exit 3; }",
            )
        }
    )

    outcome = stack.run("stack").ok()

    assert "code 3" in outcome.lines
    place = f"{stack.path / SCRIPT}:9"
    assert stack.log("bad").splitlines() == ["one", f"{place}: exit 3 (in leave)"]
    assert stack.log("good") == ""


def test_shell_wait_for_what_never_started_or_is_collected_is_no_failure(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            SCRIPT: script("""
async_run quick true
async_wait quick
async_wait quick nobody
echo "code $?"
""")
        }
    )

    outcome = stack.run("stack").ok()

    notice = "Not waiting for async task {} that we never started or has already been waited for"
    assert transcript(outcome)[-3:] == [notice.format("quick"), notice.format("nobody"), "code 0"]


def test_name_that_is_taken_is_refused_in_the_shell(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run slow pass
async_run slow true || echo "refused with $?"
echo go >gate
async_wait slow
async_run slow true
async_wait slow
async_run '../bad name' true || echo "refused with $?"
""",
                "pass() { read -r _ <gate; }",
            )
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert "ERROR: future slow: is already started and not collected; use another name" in (
        outcome.out
    )
    assert outcome.lines.count("refused with 1") == 2
    assert "bad name for a future: '../bad name'" in outcome.out
    assert sorted(path.name for path in (stack.dest / "async").iterdir()) == [".run", "slow.log"]


def test_name_of_python_is_refused_in_the_shell_and_the_other_way_round(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
            def slow(stack):
                passing("gate")

            def again(stack):
                try:
                    stack.async_run("theirs", slow)
                except FutureError as error:
                    print("refused:", error)

            @hookimpl
            def stack_install(stack):
                yield async_run("ours", slow)

            @hookimpl
            def stack_post_config(stack):
                yield run(again)
                yield async_wait("ours", "theirs")
        """),
            SCRIPT: script("""
async_run ours true || echo "refused with $?"
async_run theirs true
echo go >gate
"""),
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    taken = "future {}: is already started and not collected; use another name"
    assert f"ERROR: {taken.format('ours')}" in outcome.lines
    assert "refused with 1" in outcome.lines
    assert f"refused: {taken.format('theirs')}" in outcome.lines
    assert "uncollected" not in outcome.out


FORGETTING = script(
    "async_run bad leave 5; async_run good leave 0", "leave() { echo leaving with $1; return $1; }"
)


def test_uncollected_shell_futures_are_collected_in_the_end(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({SCRIPT: FORGETTING})

    outcome = stack.run("stack").ok()

    told = [
        line
        for line in transcript(outcome)
        if "leaving" in line or "WARNING" in line or "result" in line
    ]
    assert told == [
        "WARNING: uncollected async future bad",
        "leaving with 5",
        "[Async bad:PID]: finished leave 5 with result 5 in N seconds",
        "WARNING: uncollected async future good",
        "leaving with 0",
        "[Async good:PID]: finished leave 0 with result 0 in N seconds",
        "WARNING: uncollected futures have failed: bad; `doit log bad` shows why",
    ]
    collected = {e["name"]: e["rc"] for e in outcome.journal if e["event"] == "collected"}
    assert collected == {"bad": 5, "good": 0}


def test_uncollected_shell_failure_fails_a_strict_run(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({SCRIPT: FORGETTING, "local.conf": "[[local|localrc]]\nASYNC_STRICT=True\n"})

    outcome = stack.run("stack").failed(1)

    error = "ERROR: async_cleanup: uncollected futures have failed: bad (ASYNC_STRICT is set)"
    assert error in outcome.lines


def test_script_may_call_async_cleanup_itself(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script("""
async_run good true
async_cleanup
echo cleaned up
async_print_timing
time_totals
""")
        }
    )

    outcome = stack.run("stack").ok()

    assert outcome.out.count("WARNING: uncollected async future good") == 1
    assert outcome.lines.index("cleaned up") > outcome.lines.index(
        "WARNING: uncollected async future good"
    )


@pytest.mark.parametrize(
    ("command", "rc"),
    [("kill -9 $BASHPID", 137), ("exit 4", 4), ("exec false", 137), ("kill $BASHPID", 143)],
)
def test_end_of_a_shell_future_is_a_clear_failure(
    stack_dir: MakeStackDir, command: str, rc: int
) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run x ending
async_wait x || echo "code $?"
""",
                f"ending() {{ {command}; }}",
            )
        }
    )

    outcome = stack.run("stack").ok()

    assert f"code {rc}" in outcome.lines
    assert f"[Async x:PID]: FAILED with rc {rc}" in transcript(outcome)


def test_many_shell_futures_have_their_own_codes(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
exec {gate}<>gate
for ((n = 0; n < 256; n++)); do async_run f$n leave $n; done
for ((n = 0; n < 256; n++)); do echo; done >&$gate
for ((n = 0; n < 256; n++)); do
    code=0
    async_wait f$n || code=$?
    [[ $code == $n ]] || die $LINENO "f$n gave $code"
done
echo all are right
""",
                "leave() { read -r _ <gate; return $1; }",
            )
        }
    )
    os.mkfifo(stack.path / "gate")

    lines = stack.run("stack").ok().lines

    assert "all are right" in lines
    assert sum("FAILED with rc" in line for line in lines) == 255


def test_daemon_of_a_shell_future_delays_nothing(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run x daemon
async_wait x
sleep 600 & echo "pid $!"
disown
""",
                "daemon() { setsid sleep 600 & echo pid $!; disown; }",
            )
        }
    )

    outcome = stack.run("stack")

    pids = [int(line.split()[1]) for line in outcome.lines if line.startswith("pid ")]
    try:
        outcome.ok()
        assert len(pids) == 2
        assert not any(is_dead(pid) for pid in pids)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def test_script_collects_what_python_started(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
            def ours(stack):
                print("of python")
                sys.exit(6)

            def start(stack):
                stack.async_run("dynamic", ours)

            @hookimpl
            def stack_install(stack):
                yield run(start)
        """),
            SCRIPT: script('async_wait dynamic || echo "code $?"'),
        }
    )

    outcome = stack.run("stack").ok()

    assert "of python" in outcome.lines
    assert "code 6" in outcome.lines
    assert "WARNING" not in outcome.out


def test_script_collects_a_future_of_the_plan(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
            def ours(stack):
                passing("gate")
                print("of the plan")

            @hookimpl
            def stack_install(stack):
                yield async_run("planned", ours)
        """),
            SCRIPT: script("echo go >gate; async_wait planned; echo collected"),
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert outcome.lines.index("of the plan") < outcome.lines.index("collected")
    assert "uncollected" not in outcome.out


def test_failing_future_of_the_plan_that_a_script_collects_gives_it_the_code(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
            def bad(stack):
                passing("gate")
                sys.exit(6)

            @hookimpl
            def stack_install(stack):
                yield async_run("planned", bad)
        """),
            SCRIPT: script('echo go >gate; async_wait planned || echo "code $?"'),
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert "code 6" in outcome.lines


def test_python_collects_what_a_script_started(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/40-shell.sh": script(
                "async_run theirs theirs; async_run more theirs", "theirs() { echo of bash; }"
            ),
            PYTHON: plugin("""
            def gather(stack):
                stack.async_wait("theirs")

            @hookimpl
            def stack_install(stack):
                yield run(gather)
                yield async_wait("more")
        """),
        }
    )

    outcome = stack.run("stack").ok()

    assert outcome.lines.count("of bash") == 2
    assert "uncollected" not in outcome.out


def test_shell_action_of_the_plan_runs_in_the_session(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/40-shell.sh": 'greet() { echo "hello $1 from $place"; }\nplace=there\n',
            PYTHON: plugin("""
            @hookimpl
            def stack_install(stack):
                yield async_run("a", shell("greet 'two  words'"))
                yield async_run("b", shell("greet again"), wait=["a"])
                yield run(shell("greet first"))
                yield async_wait("a", "b")
        """),
        }
    )

    outcome = stack.run("stack").ok()

    greetings = [line for line in outcome.lines if line.startswith("hello")]
    assert greetings == [
        "hello first from there",
        "hello two  words from there",
        "hello again from there",
    ]
    assert "[Async a:PID]: running: greet 'two  words'" in transcript(outcome)


def test_failing_shell_action_shows_only_what_failed(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/40-shell.sh": "look() { local -; set +x; false; }\n",
            PYTHON: plugin("""
            @hookimpl
            def stack_install(stack):
                yield async_run("a", shell("look; look # twice"))
                yield async_wait("a")
        """),
        }
    )

    stack.run("stack").failed(1)

    script = stack.path / "extras.d" / "40-shell.sh"
    assert stack.log("a").splitlines() == [f"{script}:1: 'false' ended with code 1 (in look)"]


def _bounded(stack: StackDir, *arguments: str) -> list[str]:
    stack.run(*arguments, "stack").ok()
    return (stack.path / "order").read_text().splitlines()


def test_shell_futures_share_the_slots(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
            def work(stack, name):
                subprocess.run(["./work", name])

            @hookimpl
            def stack_install(stack):
                for name in "ab":
                    yield async_run(name, work, name)
        """),
            SCRIPT: script("for n in c d e; do async_run $n ./work $n; done; async_wait a b c d e"),
            "work": '#!/bin/sh\necho "start $1" >>order; sleep 0.05; echo "end $1" >>order\n',
        }
    )
    (stack.path / "work").chmod(0o755)

    lines = _bounded(stack, "-n", "1")

    assert sorted(lines[::2]) == [f"start {name}" for name in "abcde"]
    assert [line.replace("start", "end") for line in lines[::2]] == lines[1::2]


def test_slot_of_a_killed_shell_future_is_free_again(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: script(
                """
async_run a killed
async_wait a || true
async_run b true
async_wait b
""",
                "killed() { kill -9 $BASHPID; }",
            )
        }
    )

    outcome = stack.run("-n", "1", "stack").ok()

    assert "[Async b:PID]: finished true with result 0 in N seconds" in transcript(outcome)


def test_missing_commands_are_reported_with_the_line_of_the_script(stack_dir: MakeStackDir) -> None:
    work = (
        "async_run direct no-such-a\nasync_run inner inner\nno-such-c || async_wait direct || :\n"
    )
    functions = "inner() {\n    no-such-b || return 3\n}"
    stack = stack_dir({SCRIPT: script(f"{work}async_wait inner || true", functions)})

    out = stack.run("stack").ok().out
    text = (stack.path / SCRIPT).read_text().splitlines()

    for name in ("a", "b", "c"):
        (line,) = (n for n, one in enumerate(text, start=1) if f"no-such-{name}" in one)
        assert f"{stack.path / SCRIPT}:{line}: no-such-{name}: command not found\n" in out
    assert ".sh: line " not in out


def test_future_without_a_command_and_unknown_option_are_refused(stack_dir: MakeStackDir) -> None:
    script = """
if [[ "$2" == install ]]; then
    async_run x || echo first $?
    async_run --timout 5 x true || echo second $?
fi
"""
    lines = stack_dir({"extras.d/50-x.sh": script}).run("stack").ok().lines
    assert "async_run: the future x has no command" in lines
    assert (
        "async_run: there is no option '--timout'; there are --lock LOCK and --timeout SECONDS"
        in (lines)
    )
    assert {"first 1", "second 1"} <= set(lines)


GIVEN_UP = """
    def opens(stack):
        until(Path("busy").exists)

    def fails(stack):
        until_logged(stack, "async_run later")
        {fails}
        raise DoitstackError("no")

    @hookimpl
    def stack_install(stack):
        yield async_run("opens", opens)
        yield async_run("fails", fails, lock="x")
        yield async_run("later", shell(":"), {later})
        yield run(shell("step"))
        yield async_wait("opens", "fails", "later")
"""

STEP = """
step() {{
    touch busy
    until grep -qs '"future_end".*"fails"' "$LOGDIR"/runs/*.jsonl; do sleep 0.01; done
    {then}
}}
"""


@pytest.mark.parametrize("then", [":", "kill -9 $$"])
def test_future_that_the_session_has_not_forked_when_another_fails_is_not_run(
    stack_dir: MakeStackDir, then: str
) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin(GIVEN_UP.format(fails="", later="wait=['opens']")),
            SCRIPT: STEP.format(then=then),
        }
    )
    outcome = stack.run("stack").failed(1)
    assert "AssertionError" not in outcome.out
    assert "later" not in {one["name"] for one in outcome.journal if one["event"] == "future_start"}


def test_future_that_is_killed_at_its_gate_after_another_has_failed(
    stack_dir: MakeStackDir,
) -> None:
    then = """
    kill -9 $(sed -n 's/^pid = //p' $DEST/async/later.ini)
    until grep -qs '"future_end".*"later"' "$LOGDIR"/runs/*.jsonl; do sleep 0.01; done
    """
    fails = 'until((stack.dest / "async" / "later.ini").exists)'
    stack = stack_dir(
        {
            PYTHON: plugin(GIVEN_UP.format(fails=fails, later="lock='x'")),
            SCRIPT: STEP.format(then=then),
        }
    )
    outcome = stack.run("stack").failed(1)
    assert "AssertionError" not in outcome.out
    assert "later" not in {one["name"] for one in outcome.journal if one["event"] == "future_start"}
