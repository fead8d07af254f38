"""doit's Runner, driven by the scheduler, with futures beside the main line.

doit decides whether a task is up to date, saves what has succeeded and reports. The scheduler
decides what starts. doit's own dispatcher is not used.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from doit.control import ExecNode, TaskControl
from doit.exceptions import DependencyError, InvalidCommand, TaskFailed, UnmetDependency
from doit.runner import FAILURE, SUCCESS, Runner
from doit.task import Stream, Task

from doitstack.engine.executor import Executor
from doitstack.engine.plan_waits import PlanWaits
from doitstack.engine.task_graph import TaskGraph
from doitstack.errors import DoitstackError
from doitstack.futures.future import Future
from doitstack.journal.events import (
    StepEnd,
    StepEvent,
    StepNotRun,
    StepSkipped,
    StepStart,
    WaitEnd,
    WaitStart,
)
from doitstack.journal.status import Status
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import BUILT_IN, planned_step
from doitstack.planning.loaded_directory import is_of_main_plan
from doitstack.planning.plan import PlannedStep
from doitstack.processes.signals import Interrupted, on_interrupt
from doitstack.scheduling import scheduler as scheduling
from doitstack.scheduling.scheduler import BAD, GOOD, PENDING, State
from doitstack.steps import Kind

SAVE_EVERY = 1.0
"""Seconds between two savings of doit's state while a run lasts."""

_KINDS = {
    Kind.RUN: scheduling.Kind.STEP,
    Kind.ASYNC_RUN: scheduling.Kind.FUTURE,
    Kind.ASYNC_WAIT: scheduling.Kind.WAIT,
}


class FutureRunner(Runner):  # type: ignore[misc]
    """Runs tasks one after another, and steps that are futures beside the others.

    run_tasks()
      the settings phases, then the main plan is made, then what is selected:
        start futures, run the next step of the main line, or wait for a future
      finale:               stop the rest after a failure; the closing tasks

    Args:
        make_main_tasks: makes the tasks of the later phases once `source` has run.
        close: runs a closing task by its name. Raises DoitstackError.
        always: whether tasks run although they are up to date.
        single: whether the selected tasks run without what they need.
    """

    def __init__(
        self,
        executor: Executor,
        dep_manager: Any,
        reporter: Any,
        *,
        make_main_tasks: Callable[[], Iterable[Task]],
        close: Callable[[str], None],
        always: bool = False,
        single: bool = False,
    ) -> None:
        context = executor.context
        super().__init__(dep_manager, reporter, context.options.keep_going, always, Stream(2))
        self.final_result: int = SUCCESS
        self.interrupted: Interrupted | None = None
        self._executor = executor
        self._futures = executor.futures
        self._scheduler = context.scheduler
        self._loop = context.loop
        self._log = context.log
        self._journal = context.journal
        self._rank_steps = context.priorities
        self._make_main_tasks = make_main_tasks
        self._close = close
        self._is_single = single
        self._tears_down = context.options.tears_down
        self._graph: TaskGraph
        self._nodes: dict[str, ExecNode] = {}
        self._failed: deque[tuple[ExecNode, Future]] = deque()
        self._waits = PlanWaits(executor.futures, context.scheduler, self._step_of)
        self._had_their_turn: set[str] = set()
        self._closed: set[str] = set()
        self._has_news = False
        self._is_finishing = False
        self._saved = self._journal.now()
        self._futures.starter.on_due = self._look

    # -- the run ---------------------------------------------------------------------------------

    def run_tasks(self, control: TaskControl) -> None:
        """Run the selected tasks, then the closing ones, whatever has happened."""
        self._graph = TaskGraph(control)
        is_through = False
        try:
            with on_interrupt(self._loop.interrupt):
                self._run_selected(control.selected_tasks)
                self._loop.turn(0)
            is_through = self.final_result == SUCCESS
        except Interrupted as signalled:
            self.interrupted = signalled
            self._executor.context.say(f"\nInterrupted by {signalled}: stopping")
        finally:
            with on_interrupt(lambda _: self._executor.kill_futures()):
                self._loop.take_interruption()
                self._finale(is_through=is_through)

    def _run_selected(self, selected: list[str]) -> None:
        """Run what is selected; the main plan is made once the settings phases have run."""
        if any(is_of_main_plan(task.name) for task in self._graph.wanted(selected)):
            self._run_all(self._graph.wanted([Phase.SOURCE.task]))
            if self.final_result != SUCCESS and not self._tears_down:
                return
            if self.steps:
                # They may have changed what the later phases do.
                self._graph.replace(is_of_main_plan, self._make_main_tasks())
                self._graph.check(selected)
        if self._is_single:
            self._graph.isolate(selected)
        self._run_all(self._graph.wanted(selected))

    def _run_all(self, tasks: list[Task]) -> None:
        """Run tasks to their end, or until nothing may start any more."""
        self._add(tasks)
        while True:
            self._loop.turn(0)
            self._futures.pump()
            while self._failed:
                self._show_failure(*self._failed.popleft())
            if task := self._scheduler.next_step():
                self._run(self._nodes[task.name])
            elif self._scheduler.is_stopped or not self._scheduler.count(*PENDING, State.RUNNING):
                return
            else:
                self._wait()

    def _add(self, tasks: Iterable[Task]) -> None:
        new = [task for task in tasks if task.name not in self._nodes]
        self._nodes |= {task.name: ExecNode(task, None) for task in new}
        self._rank_steps.plan(step for step in map(planned_step, new) if step)
        self._scheduler.add(*map(self._scheduled, new))

    def _scheduled(self, task: Task) -> scheduling.Task:
        needs = tuple(self._graph.needs(task))
        planned = planned_step(task)
        if not planned:
            return scheduling.Task(task.name, needs=needs)
        return scheduling.Task(
            task.name,
            _KINDS[planned.step.kind],
            needs,
            planned.step.lock if self._executor.context.options.parallel else "",
            self._rank_steps.of_step(planned),
            counts=planned.is_awaited or not planned.is_future,
            is_check=planned.step.only_looks,
        )

    def _step_of(self, task: str) -> PlannedStep | None:
        node = self._nodes.get(task)
        return planned_step(node.task) if node else None

    @property
    def steps(self) -> list[PlannedStep]:
        """The steps of the run that are known by now."""
        planned = (planned_step(node.task) for node in self._nodes.values())
        return [step for step in planned if step]

    # -- what is due: is it still good? ------------------------------------------------------------

    def _look(self, due: scheduling.Task) -> None:
        """Queue a task that is to run, end one that is not, or let it wait for what it lacks."""
        node = self._nodes[due.name]
        try:
            if not self._has_all(node):
                return
            is_wanted = self._select(node)
        except (DoitstackError, InvalidCommand) as error:
            self._handle_task_error(node, DependencyError(str(error)))
            is_wanted = False
        planned = planned_step(node.task)
        if not is_wanted:
            if node.run_status != "run":
                self._skip(node, planned)
        elif planned and planned.is_future and self._executor.context.options.parallel:
            self._start_future(node, planned)
        else:
            self._scheduler.queue(due.name)

    def _has_all(self, node: ExecNode) -> bool:
        """Return whether a task has everything, now that what it was known to need is done."""
        if self._graph.is_late(node.task):
            node.task = self._graph.create(node.task)
        elif not self._graph.learn_calculated(node.task):
            return True
        self._wait_for_more(node)
        return False

    def _select(self, node: ExecNode) -> bool:
        """Return whether a task is to run now; not if it waits for its setup tasks first."""
        for need in self._graph.needs(node.task):
            if self._nodes[need].run_status == "ignore":
                node.ignored_deps.append(self._nodes[need])
        is_first_time = node.run_status is None
        is_wanted: bool = self.select_task(node, self._graph.tasks)
        if is_wanted:
            self._forget_success(node.task)
        if is_first_time and node.run_status == "run" and self._graph.learn_setup(node.task):
            self._wait_for_more(node)
        return is_wanted

    def _forget_success(self, task: Task) -> None:
        """Forget, on disk, that a task had succeeded: from its start on it may be killed."""
        if task.actions and self.dep_manager.backend.in_(task.name):
            self.dep_manager.remove_success(task)
            if task.uptodate or task.file_dep:
                self.dep_manager.backend.dump()

    def _wait_for_more(self, node: ExecNode) -> None:
        self._add(self._graph.wanted([node.task.name]))
        self._scheduler.wait_for(node.task.name, *self._graph.needs(node.task))

    def _skip(self, node: ExecNode, planned: PlannedStep | None) -> None:
        if planned and node.run_status == "up-to-date":
            self._waits.skip(planned)
            self._take_turn(StepSkipped.of(planned))
        self._end(node)

    # -- futures -----------------------------------------------------------------------------------

    def _start_future(self, node: ExecNode, planned: PlannedStep) -> None:
        """Declare a future; the scheduler starts it, which may be at once."""
        self.reporter.execute_task(node.task)
        self._take_turn(StepStart.of(planned))
        try:
            future = self._executor.start_future(planned)
        except DoitstackError as error:
            self._journal.write(StepEnd(planned.task, Status.FAILED, self._log.size, str(error)))
            self.process_task_result(node, TaskFailed(str(error)))
            self._end(node)
        else:
            future.when_ended(lambda future: self._future_ended(node, future))

    def _future_ended(self, node: ExecNode, future: Future) -> None:
        """Take in the end of a future. The log of one that failed is shown after the step."""
        self._has_news = True
        if self._is_finishing:
            return
        if future.rc == 0:
            self.reporter.took(node.task, future.seconds)
            self.process_task_result(node, None)
            self._end(node)
            return
        if self._scheduler.task(node.task.name).counts:
            self._failed.append((node, future))
        else:
            self.dep_manager.remove_success(node.task)
        self._scheduler.ended(node.task.name, State.FAILED)
        self._save()

    def _show_failure(self, node: ExecNode, future: Future) -> None:
        self._waits.show_failure(future)
        self.process_task_result(node, TaskFailed(future.failure()))

    # -- waiting -----------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for the next future to end; collect for the async_wait at which the main line is."""
        self._has_news = False
        if self._waits.reached():
            self._loop.run_until(lambda: self._has_news)
            return
        self._journal.write(WaitStart())
        self._loop.run_until(lambda: self._has_news)
        self._journal.write(WaitEnd())

    # -- steps -------------------------------------------------------------------------------------

    def _run(self, node: ExecNode) -> None:
        """Run one step of the main line, which in a serial run may be a future, or another task."""
        planned = planned_step(node.task)
        if planned and planned.is_future:
            self._start_future(node, planned)
            self._loop.run_until(lambda: self._is_over(node))
            return
        began = self._journal.now()
        failure = self._run_step(node, planned) if planned else self.execute_task(node.task)
        if not failure:
            self.reporter.took(node.task, self._journal.now() - began)
        self.process_task_result(node, failure)
        self._end(node)

    def _is_over(self, node: ExecNode) -> bool:
        return self._scheduler.state(node.task.name) in GOOD | BAD

    def _run_step(self, node: ExecNode, planned: PlannedStep) -> TaskFailed | None:
        self._take_turn(replace(StepStart.of(planned), log=self._log.size))
        status, error, future = Status.STOPPED, None, ""
        try:
            failure = self.execute_task(node.task)
            status = Status.FAILED if failure else Status.DONE
            if failure:
                error, future = failure.get_msg().strip(), self._executor.failed_future
        finally:
            self._journal.write(StepEnd(planned.task, status, self._log.size, error, future))
        return failure

    def execute_task(self, task: Task) -> TaskFailed | None:
        """Run a task; return its failure."""
        planned = planned_step(task)
        if not planned and task.name not in BUILT_IN:
            with self._loop.interruptible():
                failure: TaskFailed | None = super().execute_task(task)
                return failure
        self.reporter.execute_task(task)
        try:
            self._act(task, planned)
        except (DoitstackError, OSError) as error:
            return TaskFailed(str(error))
        return None

    def _act(self, task: Task, planned: PlannedStep | None) -> None:
        if not planned:
            self._closed.add(task.name)
            self._close(task.name)
        elif planned.step.kind is Kind.ASYNC_WAIT:
            self._waits.run(planned)
        else:
            self._executor.run_step(planned, task.pos_arg_val or ())

    # -- ends --------------------------------------------------------------------------------------

    def _end(self, node: ExecNode) -> None:
        """Report the end of a task to the scheduler. An error stops the run in any case."""
        self._has_news = True
        task = self._scheduler.task(node.task.name)
        if node.run_status == "failure" and self._tears_down:
            # What comes later is to be taken away, too; the run fails at its end.
            self._scheduler.ended(task.name, State.DONE)
        elif node.run_status == "failure":
            self._scheduler.ended(task.name, State.FAILED)
            if not task.counts and not self.continue_:
                self._scheduler.stop_plan()
        elif node.run_status == "successful":
            self._scheduler.ended(task.name, State.DONE)
        else:
            self._scheduler.ended(task.name, State.SKIPPED)
        self._save()

    def _save(self) -> None:
        """Save doit's state now and then: a killed run must not lose what was good."""
        if self._journal.now() - self._saved >= SAVE_EVERY:
            self.dep_manager.backend.dump()
            self._saved = self._journal.now()

    def _take_turn(self, event: StepEvent) -> None:
        """Record that a step has its turn."""
        self._had_their_turn.add(event.task)
        self._journal.write(event)

    def _finale(self, *, is_through: bool) -> None:
        """Stop what still runs unless all is through, then run the closing tasks that are left.

        A second signal while the futures are stopped ends them without grace.
        """
        self._is_finishing = True
        if self.continue_ and not self.interrupted:
            self._report_unmet()
        self._scheduler.stop()
        if not is_through:
            self._executor.stop_futures()
            for planned in self.steps:
                if planned.task not in self._had_their_turn:
                    self._journal.write(StepNotRun.of(planned))
        if any(planned.task.startswith("stack:") for planned in self.steps):
            for name in BUILT_IN:
                self._close_if_left(name)
        if self.interrupted:
            self.final_result = self.interrupted.code

    def _report_unmet(self) -> None:
        """Report what was not run as it needs a task that failed, or was not run itself."""
        for name in filter(self._nodes.get, self._scheduler.of(State.NOT_RUN)):
            needs = self._graph.needs(self._nodes[name].task)
            bad = [need for need in needs if self._scheduler.state(need) in BAD]
            self._handle_task_error(self._nodes[name], UnmetDependency(" ".join(bad)))

    def _close_if_left(self, name: str) -> None:
        if name in self._closed:
            return
        try:
            self._close(name)
        except (DoitstackError, OSError):
            if self.final_result == SUCCESS:
                self.final_result = FAILURE
