"""What a script leaves to the next one in the shell of a run: options, functions, files, traps."""

import os
import signal
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.bash.scripts import FIRST, SECOND, Run, error_of, in_phase, install, said
from tests.integration.probes import wait_until

pytestmark = pytest.mark.usefixtures("served_runs")

# -- what stays, as in the one shell of DevStack -----------------------------------------------


def test_working_directory_stays(run: Run) -> None:
    assert run.says("mkdir -p $DEST/work\ncd $DEST/work", "basename $PWD") == ["work"]


def test_working_directory_may_vanish(run: Run) -> None:
    assert run.says(
        "mkdir $DEST/gone\ncd $DEST/gone\nrmdir $DEST/gone",
        "async_run a echo still here\nasync_wait a >/dev/null\ncd $TOP_DIR\necho back",
    )[-1:] == ["back"]


def test_shell_begins_as_that_of_devstack(run: Run) -> None:
    stack = run.stack('umask\necho "$LC_ALL ${LANGUAGE:-none}"\n[[ :$PATH: == *:/usr/sbin:* ]]')
    stack.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    before = os.umask(0o077)
    try:
        outcome = stack.run("stack", LC_ALL="C", LANG="de_DE.UTF-8", LANGUAGE="de").ok()
    finally:
        os.umask(before)
    assert said(outcome) == ["0022", "C.UTF-8 none"]


def test_umask_stays_and_ours_are_private_still(run: Run) -> None:
    stack = run.stack("umask 002", "umask\ntouch $DEST/theirs\nasync_run a true\nasync_wait a")
    told = said(stack.run("stack").ok())
    assert told[0] == "0002"
    assert (stack.dest / "theirs").stat().st_mode & 0o777 == 0o664
    assert (stack.dest / "async" / "a.log").stat().st_mode & 0o777 == 0o600


def test_field_separator_stays_and_the_session_bears_it(run: Run) -> None:
    lines = run.says(
        "IFS=,",
        """
        words="a,b c"
        printf '<%s>' $words; echo
        async_run job echo one two
        async_wait job
        iniset $DEST/a.ini "a section" key "a value"
        iniget $DEST/a.ini "a section" key
        echo_summary three words here
        """,
    )
    assert lines[0] == "<a><b c>"
    assert any(line.endswith("running: echo one two") for line in lines)
    assert "one two" in lines
    assert lines[-2:] == ["a value", "three words here"]


def test_posix_mode_stays_and_the_session_bears_it(run: Run) -> None:
    lines = run.says(
        "before=$(set -o posix; set | grep -c ^DEST=)\necho $before\nset -o posix",
        """
        shopt -oq posix && echo posix
        async_run job echo in the background
        async_wait job
        iniset $DEST/a.ini s k v
        iniget $DEST/a.ini s k
        time_start part
        time_stop part
        """,
    )
    assert lines[:2] == ["1", "posix"]
    assert "in the background" in lines
    assert lines[-1] == "v"


def test_exit_in_posix_mode_is_a_failed_step(run: Run) -> None:
    outcome = run.fails("set -o posix\nexit 0")
    assert error_of(outcome).startswith(f"{outcome.directory.path / FIRST}: bash has ended with")


@pytest.mark.parametrize(
    "options", ["-o nounset", "-o noglob", "-o noclobber", "-a", "-o pipefail"]
)
def test_other_options_stay_and_the_session_bears_them(run: Run, options: str) -> None:
    lines = run.says(
        f"set {options}",
        """
        [[ $SHELLOPTS =~ no(unset|glob|clobber)|allexport|pipefail ]] && echo on
        async_run job echo in the background
        async_wait job
        iniset $DEST/a.ini s k v
        iniset $DEST/a.ini s k w
        iniget $DEST/a.ini s k
        """,
    )
    assert lines[0] == "on"
    assert "in the background" in lines
    assert lines[-1] == "w"


def test_errexit_is_set_again_for_each_script(run: Run) -> None:
    outcome = run.stack("set +o errexit\nfalse\necho went on", "false\necho unreached").run("stack")
    outcome.failed(1)
    assert said(outcome)[0] == "went on"
    assert error_of(outcome) == f"{outcome.directory.path / SECOND}:2: 'false' ended with code 1"


def test_errexit_holds_in_a_future_of_a_script_that_has_none(run: Run) -> None:
    lines = run.says("""
        set +o errexit
        work() { false; echo unreached; }
        async_run job work
        async_wait job
        echo "code $?"
    """)
    assert lines[-1] == "code 1"
    assert "unreached" not in lines


def test_functions_variables_and_aliases_of_one_script_are_there_in_the_next(run: Run) -> None:
    assert run.says(
        "helper() { echo helped $1; }\nPLAIN=text\nLIST=(a b)\nexport OUT=exported",
        "helper second\necho $PLAIN ${LIST[1]}\nbash -c 'echo $OUT'",
    ) == ["helped second", "text b", "exported"]


def test_override_defaults_comes_before_the_defaults_of_projects(stack_dir: MakeStackDir) -> None:
    override = """
        Q_PLUGIN=${Q_PLUGIN:-mine}
        NOVA_CONF_DIR=${NOVA_CONF_DIR:-/mine}
        REGION_NAME=${REGION_NAME:-mine}
        echo ${Q_L3_ENABLED:-not yet}
    """
    script = in_phase("override_defaults", override) + install("echo $Q_PLUGIN $NOVA_CONF")
    script += in_phase("source", "echo $Q_PLUGIN $REGION_NAME $Q_L3_ENABLED")
    assert said(stack_dir({FIRST: script}).run("stack").ok()) == [
        *("not yet", "mine RegionOne True", "mine /mine/nova.conf")
    ]


def test_definitions_of_source_exist_in_install(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            FIRST: in_phase(
                "source", "prepare() { echo prepared $1; }\nMY_SETTING=${MY_SETTING:-x}"
            )
            + install("prepare $MY_SETTING")
        }
    )
    assert said(stack.run("stack", MY_SETTING="y").ok()) == ["prepared y"]


def test_exported_function_reaches_programs_and_futures(run: Run) -> None:
    lines = run.says(
        "helper() { echo helped; }\nexport -f helper",
        "bash -c helper\nasync_run job bash -c helper\nasync_wait job",
    )
    assert lines.count("helped") == 2


def test_readonly_stays_and_the_session_bears_it(run: Run) -> None:
    assert run.says(
        "readonly KEPT=one name=1 code=2 line=3 out=4 err=5 command=6 depth=7 status=8",
        'echo "$KEPT$name"\n(KEPT=two) 2>/dev/null || echo refused\necho_summary done',
    ) == ["one1", "refused", "done"]


def test_library_function_redefined_by_a_script_is_its_own_from_then_on(run: Run) -> None:
    assert run.says(
        'iniset() { echo "iniset of mine: $*"; }', "iniset $TOP_DIR/a s k v | sed s,$TOP_DIR,TOP,"
    ) == ["iniset of mine: TOP/a s k v"]


def test_builtin_redefined_by_a_script_is_its_own(run: Run) -> None:
    lines = run.says(
        'for name in printf read echo; do eval "$name() { builtin echo mine: \\$*; }"; done',
        "echo one\nread two\nprintf three\necho_summary four",
    )
    assert lines == ["mine: one", "mine: two", "mine: three", "four"]


def test_source_redefined_by_a_script_is_not_what_runs_scripts(stack_dir: MakeStackDir) -> None:
    text = "source() { echo none; }\n" + install("echo $Q_PLUGIN")
    assert said(stack_dir({FIRST: text}).run("stack").ok()) == ["ml2"]


def test_exit_redefined_by_a_script_still_ends_the_step(run: Run) -> None:
    outcome = run.fails("exit() { echo leaving; builtin exit $1; }\nexit 3")
    assert "leaving" in outcome.lines
    assert "bash has ended with code 3 (in exit)" in error_of(outcome)


def test_redirection_by_exec_stays_and_the_session_bears_it(run: Run) -> None:
    stack = run.stack(
        "exec 3>&1 >$DEST/elsewhere\necho to the file",
        """
        echo to the file too
        async_run job echo in the log
        exec >&3 3>&-
        async_wait job
        echo back
        exec 9>$DEST/lock 8>&9 7</dev/null
        flock 9
        exec 9>&- 8>&- 7<&-
        echo unlocked
        """,
    )
    lines = said(stack.run("stack").ok())
    written = (stack.dest / "elsewhere").read_text()
    assert written.startswith("to the file\nto the file too\n")
    assert [line for line in lines if not line.startswith("[Async")] == [
        *("in the log", "back", "unlocked")
    ]


def test_small_descriptors_belong_to_the_scripts(run: Run) -> None:
    closing = " ".join(f"{number}>&-" for number in range(3, 100))
    lines = run.says(f"exec {closing}\nset -x", "async_run a echo x\nasync_wait a\necho fine")
    assert lines[-1] == "fine"


def test_standard_input_is_closed_for_everybody(run: Run) -> None:
    lines = run.says("""
        read -r answer || echo "nobody answers"
        cat
        async_run job cat
        async_wait job
        echo on
    """)
    assert lines[0] == "nobody answers"
    assert lines[-1] == "on"


def test_eval_runs_and_its_failure_is_reported(run: Run) -> None:
    name = "dynamic"
    assert run.says(f'eval "{name}() {{ echo made by eval; }}"\n{name}') == ["made by eval"]


def test_failure_inside_eval_is_reported(run: Run) -> None:
    outcome = run.fails('eval "false"')
    assert error_of(outcome) == f"{outcome.directory.path / FIRST}:2: 'false' ended with code 1"


def test_background_process_lives_on_without_holding_the_run(run: Run) -> None:
    stack = run.stack("sleep 300 &\necho $! >$DEST/pid", "echo second")
    try:
        assert said(stack.run("stack").ok()) == ["second"]
        os.kill(pid_in(stack), 0)
    finally:
        os.kill(pid_in(stack), signal.SIGKILL)


def pid_in(stack: StackDir) -> int:
    return int((stack.dest / "pid").read_text())


def test_background_process_is_waited_for_by_its_script(run: Run) -> None:
    assert run.says("echo from behind &\nwait $!\necho then") == ["from behind", "then"]


# -- traps -------------------------------------------------------------------------------------


def test_trap_on_exit_runs_at_the_end_of_the_run(run: Run) -> None:
    lines = run.stack(
        "trap 'echo bye; rm -f $DEST/scratch' EXIT\ntouch $DEST/scratch", "echo second"
    )
    outcome = lines.run("stack").ok()
    assert said(outcome) == ["second"]
    assert outcome.lines.count("bye") == 1
    assert not (lines.dest / "scratch").exists()


@pytest.mark.parametrize("ending", ["false", "exit 1", "die 1 words", "${unset_one:?is not set}"])
def test_trap_on_exit_runs_when_a_script_fails(run: Run, ending: str) -> None:
    outcome = run.fails(f"trap 'echo \"bye $?\" >&2; builtin exit $?' EXIT\n{ending}")
    assert outcome.lines.count("bye 1") == 1
    assert error_of(outcome)


def test_trap_on_exit_of_an_earlier_script_runs_when_a_later_one_fails(run: Run) -> None:
    outcome = run.stack("trap 'echo bye; exit 0' EXIT", "false").run("stack").failed(1)
    assert outcome.lines.count("bye") == 1
    assert error_of(outcome) == f"{outcome.directory.path / SECOND}:2: 'false' ended with code 1"


def test_trap_on_exit_of_a_subshell_is_its_own(run: Run) -> None:
    assert run.says("(trap 'echo bye' EXIT; echo inside)\necho after") == [
        *("inside", "bye", "after")
    ]


def test_trap_on_err_is_ours_again_in_the_next_script(run: Run) -> None:
    outcome = run.stack("trap 'echo mine' ERR\nfalse || true", "false").run("stack").failed(1)
    assert "mine" not in outcome.lines
    assert error_of(outcome) == f"{outcome.directory.path / SECOND}:2: 'false' ended with code 1"


def test_failure_under_a_trap_of_the_script_is_a_failed_step(run: Run) -> None:
    outcome = run.fails("trap 'echo mine' ERR\nfalse")
    assert "mine" in outcome.lines
    assert error_of(outcome).startswith(f"{outcome.directory.path / FIRST}: bash has ended with")


def test_traps_on_signals_stay_and_the_session_ends_all_the_same(run: Run) -> None:
    lines = run.says(
        "trap 'echo caught' INT\ntrap '' HUP\ntrap 'echo term' TERM",
        "kill -INT $$\ntrap -p HUP",
    )
    assert lines == ["caught", "trap -- '' SIGHUP"]


def test_interrupt_ends_a_script_that_traps_it(run: Run, tmp_path: Path) -> None:
    started = tmp_path / "started"
    stack = run.stack(f"trap 'echo ignored' INT TERM\ntouch {started}\nwhile :; do sleep 0.1; done")
    process = stack.start("stack")
    wait_until(started.exists, "the script")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGINT, out
