"""A run as JUnit XML, as CI systems read it: a test case for each step and future."""

import time
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.reports.log_excerpts import RunLogs, cleaned

_SKIPPED = {
    Status.UP_TO_DATE: "up to date",
    Status.NOT_RUN: "not run: the run ended before its turn",
    Status.CANCELLED: "not run: the run ended while it queued",
    Status.QUEUED: "not run: the run ended while it queued",
    Status.STOPPED: "stopped, as the run ended",
}


def junit(run: RunRecord, logs: RunLogs) -> str:
    """Return the run as JUnit XML; a failure has the last lines of its output."""
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", name=f"doit {' '.join(run.tasks)}")
    for step in run.steps:
        _add_case(suite, step, logs)
    if run.code and not run.failed:
        _add_end(suite, run.code)
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    for element in (suites, suite):
        for name, count in counts.items():
            element.set(name, str(count))
        element.set("time", f"{run.elapsed:.3f}")
    # Some schemas know it for a suite only.
    del suites.attrib["skipped"]
    suite.set("timestamp", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(run.start)))
    indent(suites)
    return f"{tostring(suites, encoding='unicode', xml_declaration=False)}\n"


def _add_case(suite: Element, step: StepRecord, logs: RunLogs) -> None:
    place = ".".join(part.replace(" ", "-") for part in (step.phase, step.plugin) if part)
    seconds = step.seconds if step.was_run else 0.0
    case = SubElement(
        suite, "testcase", classname=place or "doit", name=cleaned(step.name), time=f"{seconds:.3f}"
    )
    if step.status in _SKIPPED:
        SubElement(case, "skipped", message=_SKIPPED[step.status])
    elif step.status is Status.FAILED:
        message = cleaned(step.error) or f"failed with rc {step.rc}"
        SubElement(case, "failure", message=message, type="StepError").text = logs.tail(step)
    elif step.status is Status.RUNNING:
        message = "no end is recorded: it still ran, or the run was killed"
        SubElement(case, "error", message=message, type="lost").text = logs.tail(step)


def _add_end(suite: Element, code: int) -> None:
    """Add a case for a run that failed although no step did, as after a signal."""
    case = SubElement(suite, "testcase", classname="doit", name="end of the run", time="0.000")
    SubElement(case, "error", message=f"the run ended with code {code}", type="end")
