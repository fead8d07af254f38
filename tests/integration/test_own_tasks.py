"""Tasks that users write into their dodo.py, and doit's options, in a stack directory."""

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"

OWN = """\
from pathlib import Path

from doit import create_after
from doit.tools import run_once
from doitstack.dodo import *


def note(word):
    with Path("order").open("a") as file:
        file.write(word + "\\n")


"""

STEPS = plugin("""
    from doit.tools import run_once

    def note(stack, word):
        with Path("order").open("a") as file:
            file.write(word + "\\n")

    def fail(stack):
        raise DoitstackError("no luck")

    def source_one(stack):
        note(stack, "source")

    @hookimpl
    def source(settings):
        yield run(source_one)

    @hookimpl
    def stack_install(stack):
        yield run(note, "one", name="one", uptodate=[run_once])
        yield async_run("future", note, "future", uptodate=[run_once])
        yield async_wait("future")
        yield run(note, "two", name="two", uptodate=[run_once])
""")


def own(text: str) -> dict[str, str]:
    return {"dodo.py": OWN + text}


def order(stack: StackDir) -> list[str]:
    """Return what has run since the last call."""
    file = stack.path / "order"
    words = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return words


def test_setup_tasks_run_before_a_task_that_runs_and_only_then(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        own("""
def task_before():
    return {"actions": [(note, ["before"])]}

def task_database():
    return {
        "actions": [(note, ["database"])],
        "teardown": [(note, ["teardown"])],
        "task_dep": ["before"],
    }

def task_check():
    return {"actions": [(note, ["check"])], "setup": ["database"], "uptodate": [run_once]}

def task_last():
    return {"actions": [(note, ["last"])], "task_dep": ["check"]}
""")
    )

    stack.run("last").ok()
    assert order(stack) == ["before", "database", "check", "last", "teardown"]
    stack.run("last").ok()
    assert order(stack) == ["last"]
    stack.run("run", "-a", "last").ok()
    assert order(stack) == ["before", "database", "check", "last", "teardown"]


def test_arguments_come_from_other_tasks(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        own("""
def task_give():
    return {"actions": [lambda: note("give") or {"word": "given"}], "uptodate": [run_once]}

def task_take():
    return {"actions": [lambda word: note(word)], "getargs": {"word": ("give", "word")}}

def task_parts():
    for name in "ab":
        yield {"name": name, "actions": [lambda name=name: {"word": name}]}

def task_take_all():
    return {
        "actions": [lambda words: note("-".join(sorted(words.values())))],
        "getargs": {"words": ("parts", "word")},
    }
""")
    )

    stack.run("take", "take_all").ok()
    assert order(stack) == ["give", "given", "a-b"]
    stack.run("take").ok()
    assert order(stack) == [], "what it takes is the same"
    stack.run("run", "-a", "take").ok()
    assert order(stack) == ["give", "given"]


def test_dependencies_may_be_calculated(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        own("""
def task_all():
    return {"actions": [(note, ["all"])], "calc_dep": ["find"]}

def task_find():
    return {"actions": [lambda: note("find") or {"task_dep": ["found"], "file_dep": ["made"]}]}

def task_found():
    return {"actions": [(note, ["found"])]}

def task_make():
    return {"actions": [(note, ["make"]), "touch made"], "targets": ["made"]}
""")
    )

    stack.run("all").ok()
    words = order(stack)
    assert words[0] == "find"
    assert sorted(words[1:3]) == ["found", "make"]
    assert words[3:] == ["all"]


def test_tasks_may_be_created_after_another(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        own("""
def task_first():
    return {"actions": [lambda: note("first") or bool(Path("names").write_text("x y"))]}

@create_after(executed="first")
def task_later():
    for name in Path("names").read_text().split():
        yield {"name": name, "actions": [(note, [name])]}

def task_end():
    return {"actions": [(note, ["end"])], "task_dep": ["later"]}
""")
    )

    stack.run("end").ok()
    assert order(stack) == ["first", "x", "y", "end"]
    stack.run("later:y").ok()
    assert order(stack) == ["first", "y"]
    outcome = stack.run("later:z").failed(2)
    assert "later:z" in outcome.out
    assert "Traceback" not in outcome.out


def test_target_of_a_task_that_is_created_late_is_refused(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        own("""
@create_after(target_regex=r".*\\.txt")
def task_later():
    yield {"name": "x", "actions": [(note, ["x"])], "targets": ["x.txt"]}
""")
    )

    outcome = stack.run("x.txt").failed(3)
    assert "x.txt is no task, " in outcome.out
    assert order(stack) == []


def test_cycle_of_tasks_is_a_mistake(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        own("""
def task_a():
    return {"actions": [(note, ["a"])], "task_dep": ["b"]}

def task_b():
    return {"actions": [(note, ["b"])], "setup": ["c"]}

def task_c():
    return {"actions": [(note, ["c"])], "task_dep": ["a"]}

def task_d():
    return {"actions": [(note, ["d"])], "task_dep": ["e"]}

def task_e():
    return {"actions": [(note, ["e"])], "task_dep": ["d"]}
""")
    )

    for name, cycle in (("a", "[b -> c -> a -> b]"), ("d", "[d -> e -> d]")):
        outcome = stack.run(name).failed(3)
        assert cycle in outcome.out
        assert "Traceback" not in outcome.out
    assert order(stack) == []


def test_own_task_may_need_steps_and_the_stack(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: STEPS,
            **own("""
def task_after():
    return {"actions": [(note, ["after"])], "task_dep": ["stack"]}

def task_between():
    return {"actions": [(note, ["between"])], "task_dep": ["stack:install:demo:one"]}
"""),
        }
    )

    stack.run("between").ok()
    assert order(stack) == ["source", "one", "between"]
    stack.run("after").ok()
    assert order(stack) == ["source", "future", "two", "after"]


# -- doit's options --------------------------------------------------------------------------------


def test_always_runs_what_is_up_to_date(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: STEPS})
    for arguments, words in (
        ((), ["source", "one", "future", "two"]),
        ((), ["source"]),
        (("-a",), ["source", "one", "future", "two"]),
    ):
        stack.run("run", *arguments, "stack").ok()
        assert order(stack) == words


def test_single_step_runs_without_what_it_needs(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: STEPS})
    stack.run("run", "-s", "stack:install:demo:two").ok()
    assert order(stack) == ["source", "two"], "the settings come first in any case"
    stack.run("run", "-a", "-s", "stack:install").ok()
    assert order(stack) == ["source", "one", "future", "two"]


def test_continue_runs_what_does_not_need_a_failed_task(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: STEPS.replace("yield async_run(", "yield run(fail)\n    yield async_run("),
            **own("""
def task_mine():
    return {"actions": [(note, ["mine"])]}

def task_bad():
    return {"actions": [lambda: False]}

def task_lost():
    return {"actions": [(note, ["lost"])], "task_dep": ["bad"]}

def task_all():
    return {"actions": None, "task_dep": ["stack", "lost", "mine"]}
"""),
        }
    )

    outcome = stack.run("run", "--continue", "all").failed(2)

    assert order(stack) == ["source", "one", "mine"]
    assert "not run: lost, as it needs bad" in outcome.out
    assert "not run: stack:install:demo:two, as it needs " in outcome.out


def test_ignored_step_is_left_out_with_what_needs_it(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: STEPS})
    stack.run("stack").ok()
    order(stack)
    stack.run("ignore", "stack:install:demo:two").ok()
    outcome = stack.run("run", "-a", "stack").ok()
    assert order(stack) == ["source", "one", "future"]
    assert "!!> stack:install:demo:two (ignored)" in outcome.out
    stack.run("forget", "stack:install:demo:two").ok()
    stack.run("stack").ok()
    assert order(stack) == ["source", "two"]


def test_source_may_enable_what_the_plan_then_has(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def enable(stack):
            stack.settings.update({"ENABLED_SERVICES": "extra"})

        def work(stack, word):
            print("does", word)

        @hookimpl
        def source(settings):
            yield run(enable)

        @hookimpl
        def stack_install(stack):
            for name in ("base", "extra"):
                if name == "base" or stack.is_service_enabled(name):
                    yield run(work, name, name=name)
            if not stack.is_service_enabled("extra"):
                yield run(work, "gone", name="gone")
    """)
        }
    )

    outcome = stack.run("stack").ok()
    assert [line for line in outcome.lines if line.startswith("does")] == [
        "does base",
        "does extra",
    ]
    outcome = stack.run("stack:install:demo:gone").failed(3)
    assert "stack:install:demo:gone" in outcome.out
    assert "Traceback" not in outcome.out
