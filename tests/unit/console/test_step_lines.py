"""The lines about the steps of a run."""

import re
from pathlib import Path

from doit.exceptions import DependencyError, TaskFailed, UnmetDependency
from doit.task import Task

from doitstack.console.step_lines import StepReporter
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import step_task
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Step, async_run, async_wait, run


def act(stack: object) -> None:
    """Stand for an action."""


def _task(step: Step) -> Task:
    planned = PlannedStep(0, Phase.INSTALL, "key", f"stack:install:key:{step.name}", step)
    return step_task(planned)


def test_steps_are_one_line_each() -> None:
    said: list[str] = []
    reporter = StepReporter(said.append)

    reporter.execute_task(_task(run(act)))
    reporter.execute_task(_task(async_run("a", act)))
    reporter.execute_task(Task("group", None))
    reporter.skip_uptodate(_task(run(act)))
    reporter.skip_uptodate(Task("group", None))
    reporter.skip_ignore(_task(run(act)))
    reporter.add_success(_task(run(act)))
    reporter.took(_task(run(act)), 0.04)
    reporter.took(_task(async_run("a", act)), 31.26)
    reporter.took(Task("group", None), 1.0)

    assert said == [
        "==> stack install: key: act",
        "==> stack install: key: async_run a",
        "--> stack install: key: act (up to date)",
        "!!> stack:install:key:act (ignored)",
        "<== stack install: key: act (0.0 s)",
        "<== stack install: key: async_run a (31.3 s)",
    ]


def test_wait_for_many_futures_is_one_short_line() -> None:
    said: list[str] = []
    reporter = StepReporter(said.append)

    reporter.execute_task(_task(async_wait(*"abc")))
    reporter.execute_task(_task(async_wait(*"abcde")))

    assert said == [
        "==> stack install: key: async_wait-a-b-c",
        "==> stack install: key: async_wait-a-b-c and 2 more",
    ]


def test_failures_are_shown_at_once_and_again_at_the_end() -> None:
    said: list[str] = []
    reporter = StepReporter(said.append)

    reporter.add_failure(_task(run(act)), TaskFailed("no luck"))
    reporter.add_failure(Task("async_cleanup", None), TaskFailed("of no use"))
    reporter.add_failure(_task(run(act)), UnmetDependency("other"))
    reporter.runtime_error("doit is lost")
    reporter.cleanup_error(TaskFailed("teardown"))

    failures = [
        "ERROR: stack install: plugin key: step act: no luck",
        "ERROR: async_cleanup: of no use",
        "not run: stack:install:key:act, as it needs other",
        "ERROR: doit is lost",
    ]
    assert reporter.failures == failures
    assert said[:4] == failures
    assert said[4].startswith("ERROR: teardown")


def test_missing_file_of_a_step_is_named_without_the_task() -> None:
    said: list[str] = []
    text = "ERROR: Task 'stack:install:key:act' checking dependencies: Dependent file 'a' is not"
    StepReporter(said.append).add_failure(_task(run(act)), DependencyError(text))
    assert said == ["ERROR: stack install: plugin key: step act: Dependent file 'a' is not"]


def test_last_words_of_a_good_run_count_its_steps() -> None:
    reporter = StepReporter(list[str]().append)
    reporter.took(_task(run(act)), 0.1)
    reporter.took(_task(async_run("a", act)), 0.1)
    reporter.skip_uptodate(_task(run(act)))

    told = reporter.summary("doit stack", Path("/s/stack.log"))
    assert re.fullmatch(
        r"doit stack: done in \d+\.\d s: 2 steps run, 1 up to date; log: /s/stack\.log", told
    )
    assert reporter.summary("doit clean", None).endswith("2 steps run, 1 up to date")
