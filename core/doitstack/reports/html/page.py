"""A run as one page of HTML: chart, figures, steps with their logs, what-if, comparison.

The page is whole in itself: it loads nothing, and its content policy forbids it to. jinja2 makes
it, since it escapes everything by default, and a page of this size is easier to read as a template
than as code.
"""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from doitstack.journal.critical_path import Stretch
from doitstack.journal.run_comparison import Comparison
from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.journal.timing import NOTICEABLE, Timing
from doitstack.journal.what_if import WhatIf, what_if
from doitstack.processes.tree import signal_name
from doitstack.records import Record
from doitstack.reports.formatting import (
    brief_list,
    counted,
    format_change,
    format_date,
    format_duration,
    iso_date,
)
from doitstack.reports.html.chart import Chart, chart_of
from doitstack.reports.log_excerpts import RunLogs
from doitstack.steps import Kind

ROWS = 12
"""How many rows the tables of comparison and what-if have."""

NAMES = 5
"""How many names a list shows before it counts the rest."""


class Findings(Record):
    """A run, its figures, its comparison with an earlier run, and its logs."""

    run: RunRecord
    timing: Timing
    comparison: Comparison | None
    logs: RunLogs


class Result(Record):
    """How the run ended: `kind` is good, bad or unknown."""

    kind: str
    words: str


class StepView(Record):
    """A step as the page lists it; `left` and `width` (percent) place it in the run."""

    number: int
    step: StepRecord
    is_critical: bool
    tail: str
    left: float
    width: float


def page(findings: Findings) -> str:
    """Return the page of a run."""
    run, timing = findings.run, findings.timing
    chart = chart_of(run, timing.critical_steps)
    critical = longest(timing.critical_steps)
    text: str = (
        _environment()
        .get_template("page.html")
        .render(
            run=run,
            timing=timing,
            result=result_of(run),
            about=about(run),
            chart=chart,
            failures=[(step, findings.logs.tail(step)) for step in run.failed],
            phases=step_views(findings, chart),
            kinds={bar.kind for row in (chart.main_line, *chart.futures) for bar in row.bars},
            because=because(run),
            critical=critical,
            shorter=[part for part in timing.critical_steps if part not in critical],
            steps_by_label={label: step for step in run.steps for label in labels_of(step)},
            what_if=noticeable_gains(what_if(run)),
            comparison=findings.comparison,
            rows=ROWS,
            noticeable=NOTICEABLE,
        )
    )
    return text


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("doitstack", "reports/html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        seconds=format_duration,
        change=format_change,
        date=format_date,
        iso=iso_date,
        short=short_name,
        breakable=breakable,
    )
    return environment


def result_of(run: RunRecord) -> Result:
    """Return how a run ended, as text."""
    if run.code is None:
        return Result("unknown", "no end recorded: it still runs, or was killed")
    if run.code == 0:
        return Result("good", "succeeded")
    if run.failed:
        return Result("bad", "failed")
    how = f"interrupted by {signal_name(run.code - 128)}" if run.code > 128 else "failed"
    return Result("bad", f"{how}, code {run.code}")


def about(run: RunRecord) -> list[str]:
    """Return facts about a run, a few words each."""
    ran = [step for step in run.steps if step.was_run]
    main_line = [step for step in ran if step.kind is not Kind.ASYNC_WAIT and not step.is_future]
    futures = sum(step.is_future for step in ran)
    parts = [counted(run.cores, "core"), counted(len(main_line), "step")]
    parts += [f"{counted(futures, 'future')}, {_parallel(run)}"] if futures else []
    for status in (Status.UP_TO_DATE, Status.NOT_RUN):
        number = sum(step.status is status for step in run.steps)
        parts += [f"{number} {status.value}"] if number else []
    return parts


def because(run: RunRecord) -> str:
    """Return a sentence or two about the steps that were stopped or not run after a failure."""
    groups = {
        "Stopped": [step for step in run.steps if step.status is Status.STOPPED],
        "Not run": [
            step
            for step in run.steps
            if step.status in (Status.NOT_RUN, Status.CANCELLED, Status.QUEUED)
            and step.kind is not Kind.ASYNC_WAIT
        ],
    }
    return " ".join(
        f"{what} because of it: {_names(steps)}." for what, steps in groups.items() if steps
    )


def _names(steps: Sequence[StepRecord]) -> str:
    return brief_list(list(dict.fromkeys(step.name for step in steps)), NAMES)


def _parallel(run: RunRecord) -> str:
    if not run.is_parallel:
        return "one after another (DEVSTACK_PARALLEL=False)"
    return f"at most {run.jobs} at once" if run.jobs else "any number at once"


def labels_of(step: StepRecord) -> tuple[str, ...]:
    """Return the labels that a step may have in the critical path: as a future, or in place."""
    return (step.name, step.label) if step.is_future else (step.label,)


def short_name(step: StepRecord) -> str:
    """Return the name of a step. The full name of an async_wait lists all of its futures."""
    if step.kind is not Kind.ASYNC_WAIT or not step.waits:
        return step.name
    first, *others = step.waits
    return f"async_wait {first}" + (f" and {len(others)} more" if others else "")


def breakable(name: str) -> Markup:
    """Return a name in which a line may break after each underscore."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def longest(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the longest parts of the critical path, in order of time."""
    known = sorted(stretches, key=lambda stretch: -stretch.seconds)[:ROWS]
    return [part for part in stretches if part in known and part.seconds >= NOTICEABLE]


def noticeable_gains(tried: WhatIf) -> WhatIf:
    """Return the greatest gains that are noticeable."""
    return WhatIf(
        tried.replayed,
        tuple(gain for gain in tried.steps if gain.none >= NOTICEABLE)[:ROWS],
        tuple(wait for wait in tried.waits if wait.gain >= NOTICEABLE)[:ROWS],
    )


def step_views(findings: Findings, chart: Chart) -> dict[str, list[StepView]]:
    """Return the steps of each phase, in the order in which they had their turn."""
    rows = (chart.main_line, *chart.futures)
    bars = {bar.step: bar for row in rows for bar in row.bars if bar.step is not None}
    critical = [part for part in findings.timing.critical_steps if part.seconds >= NOTICEABLE]
    views: dict[str, list[StepView]] = {}
    for number, step in enumerate(findings.run.steps):
        bar = bars.get(number)
        view = StepView(
            number,
            step,
            is_critical=any(_is_part(step, stretch) for stretch in critical),
            tail=findings.logs.tail(step),
            left=bar.left if bar else 0.0,
            width=bar.width if bar else 0.0,
        )
        views.setdefault(step.phase or "other", []).append(view)
    return views


def _is_part(step: StepRecord, stretch: Stretch) -> bool:
    """Return whether a stretch of the critical path is a part of this step."""
    return stretch.name in labels_of(step) and stretch.start < step.end and stretch.end > step.start
