"""The commands that doit learns in a stack directory, and that it learns nowhere else."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import DOIT, MakeStackDir, clean_environment
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"
BASIC = plugin("""
    def work(stack):
        print("working")

    def slow(stack):
        print("slow work")

    @hookimpl
    def stack_install(stack):
        yield async_run("slow", slow)
        yield run(work)

    @hookimpl
    def stack_test_config(stack):
        yield async_wait("slow")

    @hookimpl
    def clean(stack):
        yield run(work, name="tidy")
""")


def test_list_shows_phases_and_steps(stack_dir: MakeStackDir) -> None:
    listed = stack_dir({DEMO: BASIC}).run("list", "--all").ok().lines

    rows = dict(line.split(maxsplit=1) for line in listed if line.startswith("stack:install:demo"))
    assert rows == {
        "stack:install:demo:slow": "async_run slow",
        "stack:install:demo:work": "work",
    }
    names = [line.split()[0] for line in listed]
    assert {"override_defaults", "source", "stack", "stack:install", "unstack", "async_cleanup",
            "async_timing", "stack:test-config:demo:async_wait-slow", "clean:demo:tidy"} <= set(
        names
    )  # fmt: skip


def test_plan_shows_steps_futures_and_waits(stack_dir: MakeStackDir) -> None:
    lines = stack_dir({DEMO: BASIC}).run("plan").ok().lines

    rows = [line.split() for line in lines if " demo " in f" {line} "]
    assert rows == [
        ["stack", "install", "demo", "slow", "async_run", "stack", "test-config:", "demo"],
        ["demo", "work", "run"],
        ["stack", "test-config", "demo", "async_wait-slow", "async_wait", "slow"],
    ]  # fmt: skip
    assert lines[0].split() == ["phase", "plugin", "step", "what", "waits", "for", "waited", "for",
                                "in"]  # fmt: skip


def test_plugins_shows_where_each_was_found(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})
    rows = [line.split() for line in stack.run("plugins").ok().lines]
    assert rows[0] == ["plugin", "stack", "unstack", "found", "in", "hooks"]
    demo = DEMO
    # After the in-tree services, and before them when tearing down.
    last = str(len(rows[2:]))
    assert rows[-1] == ["demo", last, "1", demo, "stack_install", "stack_test_config", "clean"]


def test_futures_and_timing_tell_of_the_last_run(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})
    assert stack.run("futures").ok().out == "no futures\n"
    none = stack.run("timing").failed(3)
    assert none.out == f"ERROR: no run is recorded in {stack.dest}/logs; run `doit stack`\n"
    stack.run("stack").ok()

    futures = [line.split() for line in stack.run("futures").ok().lines]
    shown = stack.run("timing").ok().out
    figures = json.loads(stack.run("timing", "--json").ok().out)

    assert futures[0] == ["future", "state", "pid", "seconds", "rc", "log"]
    name, state, pid, _seconds, rc, log = futures[2]
    assert (name, state, rc, log) == (
        "slow", "collected", "0", ".stack/async/slow.log"
    )  # fmt: skip
    assert pid.isdecimal()
    assert "Time if we did everything serially" in shown
    assert set(figures) >= {
        "elapsed", "background", "wait", "serial", "speedup", "cpu", "critical_path", "lower_bound"
    }  # fmt: skip
    assert figures["serial"] == pytest.approx(
        figures["elapsed"] + figures["background"] - figures["wait"], abs=0.002
    )


def test_run_ends_with_the_timing_that_the_command_shows_again(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})
    outcome = stack.run("stack").ok()
    shown = stack.run("timing").ok().out
    labels = [line.split("  ")[0] for line in shown.splitlines() if line[:1].isalpha()]
    assert {"DevStack Component Timing", "Async summary", "What bounds it"} <= set(labels)
    for label in ("Total runtime", "Speedup", "Critical path"):
        assert label in outcome.out
        assert label in shown


def test_timed_parts_are_in_the_component_table(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                def work(stack):
                    with stack.timed("dbsync"):
                        time.sleep(0.2)

                @hookimpl
                def stack_install(stack):
                    yield run(work)
                    yield async_run("background", work)
                    yield async_wait("background")
            """),
            "extras.d/60-script.sh": """\
                if [[ "$1 $2" == "stack install" ]]; then
                    time_start inis; sleep 0.1; time_stop inis
                fi
            """,
        }
    )
    stack.run("stack").ok()

    components = json.loads(stack.run("timing", "--json").ok().out)["components"]

    assert components["dbsync"] >= 0.4
    assert components["inis"] >= 0.1


def test_unstack_stops_and_purges_and_clean_removes_all(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})
    stack.run("stack").ok()
    assert (stack.dest / "async" / "slow.log").exists()

    stack.run("unstack").ok()
    assert not (stack.dest / "async").exists()
    assert (stack.dest / "logs" / "stack.log").exists()
    (stack.path / "mine").touch()
    would = stack.run("clean", "-n").ok()
    assert (stack.dest / "logs").exists()
    assert f"would remove {stack.dest}/logs" in would.lines

    cleaned = stack.run("clean").ok()
    assert "==> clean: demo: tidy" in cleaned.lines
    assert not stack.dest.exists()
    assert (stack.path / "mine").exists()
    assert stack.run("clean").ok().out == f"nothing to do: there is no {stack.dest}\n"


def test_negative_number_of_futures_is_refused(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})
    assert stack.run("-n", "-3", "stack").failed(3).out == (
        "ERROR: -n -3: use a whole number, 0 or more\n"
    )
    assert not stack.dest.exists()


def test_clean_names_what_it_cannot_remove(stack_dir: MakeStackDir) -> None:
    script = """\
        import shutil

        def refuse(path, **_):
            raise PermissionError(13, "Permission denied", "f")

        shutil.rmtree = refuse
    """
    stack = stack_dir({DEMO: BASIC})
    stack.run("stack").ok()
    (stack.path / "extras.d" / "51-refuse.py").write_text(dedent(script))

    told = stack.run("clean").failed(2)

    assert told.lines[-1] == (
        f"ERROR: {stack.dest}/async cannot be removed: Permission denied: f; "
        f"remove it yourself, then run it again"
    )
    (stack.path / "extras.d" / "51-refuse.py").unlink()
    stack.run("clean").ok()
    assert not stack.dest.exists()


def test_clean_of_a_dest_that_cannot_be_locked_is_no_traceback(stack_dir: MakeStackDir) -> None:
    stack = stack_dir()
    stack.run("stack").ok()
    (stack.dest / ".lock").unlink()
    (stack.dest / ".lock").mkdir()

    outcome = stack.run("clean").failed(2)

    trouble = f"ERROR: Is a directory: {stack.dest}/.lock; check space and permissions in "
    assert {line.partition(str(stack.dest) + ",")[0] for line in outcome.lines} == {trouble}


def test_clean_with_tasks_keeps_doits_meaning(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "dodo.py": """\
                from doitstack.dodo import *

                def task_mine():
                    return {"actions": ["touch made"], "targets": ["made"], "clean": True}
            """
        }
    )
    stack.run("mine").ok()
    assert (stack.path / "made").exists()

    stack.run("clean", "mine").ok()

    assert not (stack.path / "made").exists()
    assert stack.dest.exists()


def test_single_step_can_be_run_by_name(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})

    outcome = stack.run("run", "-s", "stack:install:demo:work").ok()

    assert [line for line in outcome.lines if line.startswith("==>")] == [
        "==> stack install: demo: work"
    ]


CODES = {
    "ok": (0, "yield run(['true'])"),
    "program": (1, "yield run(['false'])"),
    "missing program": (1, "yield run(['no-such-program'])"),
    "exception": (1, "yield run(boom)"),
    "false": (1, "yield run(false)"),
    "exit": (1, "yield run(leave)"),
    "shell": (1, "yield run(shell('false'))"),
    "two futures": (3, "yield async_run('a', boom); yield async_run('a', boom)"),
    "cycle": (3, "yield async_wait('a'); yield async_run('a', boom)"),
    "bad name": (3, "yield async_run('../a', boom)"),
    "unknown attribute": (3, "yield run(boom, uptodat=[True])"),
    "not yielded": (3, "run(boom)"),
    "no such call": (3, "yield run(boom, 'more')"),
    "lost step": (1, "yield run(plans)"),
}


@pytest.mark.parametrize("case", CODES)
def test_exit_code_distinguishes_failure_and_mistake(stack_dir: MakeStackDir, case: str) -> None:
    code, body = CODES[case]
    stack = stack_dir(
        {
            DEMO: plugin("""
            def boom(stack):
                raise RuntimeError("boom")

            def false(stack):
                return False

            def plans(stack):
                async_run("late", boom)

            def leave(stack):
                sys.exit(0)
        """)
            + f"@hookimpl\ndef stack_install(stack):\n    {body}\n"
        }
    )

    outcome = stack.run("stack").failed(code)

    assert ("ERROR: " in outcome.out) is (code != 0)
    assert ("Traceback" in outcome.out) is (case == "exception")
    if code == 3:
        assert not stack.dest.exists(), "nothing has run"


@pytest.mark.parametrize(
    ("files", "environ", "said"),
    [
        ({"local.conf": "[[local|localrc]]\nfi\n"}, {}, "local.conf:2: syntax error"),
        ({"local.conf": "[[local|localrc]]\nenabel x\n"}, {}, "local.conf:2: enabel: command not"),
        ({"local.conf": "A=1\n"}, {}, "local.conf:1: 'A=1' is before the first section"),
        ({}, {"DEST": "/"}, "DEST=/: this is not a directory of doitstack's own"),
        ({}, {"DEST": "relative"}, "DEST=relative: use an absolute path"),
        ({}, {"ASYNC_JOBS": "many"}, "ASYNC_JOBS=many: use a whole number"),
        ({}, {"DEVSTACK_PARALLEL": "perhaps"}, "DEVSTACK_PARALLEL=perhaps: use True or False"),
        ({}, {"ASYNC_STRICT": "perhaps"}, "ASYNC_STRICT=perhaps: use True or False"),
        ({"extras.d/50-x.sh": "if\n"}, {}, "50-x.sh"),
        ({DEMO: "import nothing_like_this\n"}, {}, "No module named 'nothing_like_this'"),
    ],
)
def test_mistake_is_reported_before_anything_runs(
    stack_dir: MakeStackDir, files: dict[str, str], environ: dict[str, str], said: str
) -> None:
    stack = stack_dir(files, **environ)

    for command in ("stack", "plan"):
        outcome = stack.run(command).failed(3)
        assert said in outcome.out
        assert outcome.out.startswith("ERROR: ")
    assert "Traceback" not in outcome.out
    assert not stack.dest.exists()


def test_unknown_task_is_a_mistake(stack_dir: MakeStackDir) -> None:
    outcome = stack_dir().run("stak").failed(3)
    assert "stak" in outcome.out
    assert "Traceback" not in outcome.out


def test_second_run_skips_what_is_still_good(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                from doit.tools import run_once

                def make(stack):
                    Path("made").write_text("made")

                def future(stack):
                    Path("future").write_text("made")

                @hookimpl
                def stack_install(stack):
                    yield run(make, targets=["made"], uptodate=[run_once])
                    yield async_run("f", future, targets=["future"], uptodate=[run_once])
                    yield async_wait("f")
            """)
        }
    )
    stack.run("stack").ok()
    (stack.path / "future").unlink()

    second = stack.run("stack").ok()
    third = stack.run("stack").ok()

    assert "--> stack install: demo: make (up to date)" in second.lines
    assert "==> stack install: demo: async_run f" in second.lines
    assert (stack.path / "future").exists()
    assert "--> stack install: demo: f (up to date)" in third.lines
    assert "WARNING" not in third.out


def test_services_enabled_in_source_are_seen_in_later_phases(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/40-shell.sh": """\
                if [[ $1 == source ]]; then
                    enable_service from-shell
                    PLACE=there
                fi
            """,
            DEMO: plugin("""
                @hookimpl
                def source(settings):
                    settings.enable_service("from-python")

                def tell(stack):
                    print("place", stack.settings.get("PLACE"))

                @hookimpl
                def stack_install(stack):
                    for name in ("from-shell", "from-python", "other"):
                        if stack.is_service_enabled(name):
                            yield run(["echo", "enabled", name])
                    yield run(tell)
            """),
        }
    )

    lines = stack.run("stack").ok().lines

    assert [line for line in lines if line.startswith(("enabled", "place"))] == [
        "enabled from-shell",
        "enabled from-python",
        "place there",
    ]


PLAIN = """\
def task_hello():
    return {"actions": ["echo hello"], "clean": ["echo cleaned"]}
"""


def _plain(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DOIT, *arguments],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_other_directories_know_nothing_of_us(tmp_path: Path) -> None:
    (tmp_path / "dodo.py").write_text(PLAIN)

    listed = _plain(tmp_path, "list")
    ran = _plain(tmp_path)
    cleaned = _plain(tmp_path, "clean")
    planned = _plain(tmp_path, "plan")
    helped = _plain(tmp_path, "help")

    assert listed.stdout.split() == ["hello"]
    assert ran.stdout == ".  hello\n"
    assert cleaned.stdout == "hello - executing 'Cmd: echo cleaned'\ncleaned\n"
    assert planned.returncode == 3
    assert "futures" not in helped.stdout
    assert not (tmp_path / ".stack").exists()


def test_import_of_our_tasks_loads_little(stack_dir: MakeStackDir) -> None:
    stack = stack_dir()
    code = "import sys, doitstack.dodo; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=stack.path, env=stack.environ, capture_output=True,
        text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert {"openstack", "psutil", "supervisor", "requests", "keystoneauth1"} & set(loaded) == set()
