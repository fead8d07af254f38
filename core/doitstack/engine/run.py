"""Opens and closes a run: its directories, and the objects that its parts share."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from doitstack.bash.session_owner import SessionOwner
from doitstack.config.addresses import has_other_hosts
from doitstack.config.changes_in_place import settle
from doitstack.config.passwords import Secrets
from doitstack.console.main_log import MainLog
from doitstack.engine.cpu_usage import Meter, Sampler
from doitstack.engine.environment_variables import run_environment
from doitstack.engine.executor import Executor
from doitstack.engine.log_masking import LogMasking
from doitstack.futures.async_directory import init, record_run
from doitstack.futures.make_jobserver import make_supports_fifo, makeflags
from doitstack.futures.priorities import Priorities
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext, RunOptions
from doitstack.futures.slots import Slots
from doitstack.futures.watchdog import Watchdog
from doitstack.journal.durations import last_durations
from doitstack.journal.events import Usage
from doitstack.journal.journal_file import Journal, new_journal_path, prune_journals
from doitstack.journal.log_files import rotate_main_log
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.signals import on_interrupt
from doitstack.records import Record
from doitstack.scheduling.scheduler import Scheduler
from doitstack.stack import Stack


class OpenRun(Record):
    """An open run."""

    context: RunContext
    executor: Executor
    meter: Meter
    sampler: Sampler

    def cpu_seconds(self) -> float:
        """Return the CPU time (s) of the run so far, including its background processes."""
        return round(self.meter.used(), 3)


@contextmanager
def open_run(stack: Stack, options: RunOptions) -> Iterator[OpenRun]:
    """Create the directories of a run and the objects that its parts share."""
    for directory in (stack.dest, stack.data_dir, stack.log_dir):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    init(stack.dest / "async")
    with ExitStack() as exits:
        run = _opened(stack, options, exits)
        exits.enter_context(run.executor.acting())
        exits.enter_context(run_environment(stack, _makeflags(stack, run.context.slots)))
        yield run


def _opened(stack: Stack, options: RunOptions, exits: ExitStack) -> OpenRun:
    """Open the parts of a run. `exits` closes them in the reverse order."""
    secrets = Secrets(stack.settings)
    meter = Meter(stack.dest / "supervisor")
    context = _context(stack, options, secrets, exits)
    sampler = Sampler(
        meter,
        lambda cpu, machine: context.journal.write(Usage(round(cpu, 2), round(machine, 2))),
    )
    futures = FutureRegistry(context)
    session = SessionOwner(context, stack, futures, lambda: secrets.known)
    executor = Executor(context, stack, futures, session)
    if has_other_hosts(stack.settings):
        from doitstack.engine.host_runs import HostRuns  # noqa: PLC0415 - for hosts only

        executor.hosts = HostRuns(context, stack, futures)
        exits.callback(executor.hosts.ends.close)
    exits.callback(settle, stack.dest)
    exits.callback(executor.end_session)

    def tick() -> None:
        context.log.show()
        sampler.tick()
        executor.timer.tick()

    context.loop.on_tick = context.log.on_tick = tick
    context.log.on_silence = executor.still_running
    return OpenRun(context, executor, meter, sampler)


def _context(stack: Stack, options: RunOptions, secrets: Secrets, exits: ExitStack) -> RunContext:
    loop = exits.enter_context(closing(EventLoop()))
    # Until the terminal is restored, no signal ends this process by itself.
    exits.enter_context(on_interrupt(loop.interrupt))
    journal = exits.enter_context(closing(Journal(new_journal_path(stack.log_dir), secrets.redact)))
    prune_journals(stack.log_dir, stack.settings.number("KEEP_RUNS"))
    rotate_main_log(stack.log_dir, journal.path.stem)
    log = exits.enter_context(closing(MainLog(stack.log_dir / "stack.log", lambda: secrets.mask)))
    slots = exits.enter_context(closing(_slots(options)))
    name, futures_dir = journal.path.stem, stack.dest / "async"
    record_run(futures_dir, name)
    masking = LogMasking(
        secrets, log, futures_dir, stack.log_dir, stack.started_services, journal=journal.path
    )
    exits.callback(masking.mask_services)
    watchdog = Watchdog(futures_dir, name, masking.mask_for_parent)
    exits.callback(watchdog.dismiss)
    return RunContext(
        name=name,
        options=options,
        futures_dir=futures_dir,
        journal=journal,
        log=log,
        loop=loop,
        watchdog=watchdog,
        slots=slots,
        scheduler=Scheduler(slots, serial=not options.parallel, keep_going=options.keep_going),
        priorities=Priorities(last_durations(stack.log_dir)),
        redact=secrets.redact,
        mask=secrets.mask_file,
        mask_again=masking.mask_again,
        learn=secrets.learn,
        time_limit=stack.settings.number("STEP_TIMEOUT"),
        warnings_as_errors=stack.settings.is_true("WARNINGS_AS_ERRORS"),
    )


def _slots(options: RunOptions) -> Slots:
    cores = options.jobs or len(os.sched_getaffinity(0))
    return Slots(options.jobs if options.parallel else 0, cores)


def _makeflags(stack: Stack, slots: Slots) -> dict[str, str]:
    """Return the environment variables through which builds of a run use its slots."""
    before = stack.settings.get("MAKEFLAGS")
    return {"MAKEFLAGS": makeflags(before, slots.path, slots.jobs, fifo=make_supports_fifo())}
