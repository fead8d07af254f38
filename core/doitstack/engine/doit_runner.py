"""doit's Runner, driven by the scheduler, with futures in parallel to the main line.

doit decides what is up to date, saves and reports. The scheduler replaces its dispatcher.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from doit.control import ExecNode, TaskControl
from doit.exceptions import DependencyError, InvalidCommand, TaskFailed, UnmetDependency
from doit.runner import FAILURE, SUCCESS, Runner
from doit.task import Stream, Task

from doitstack.engine.closing_tasks import PendingTasks
from doitstack.engine.executor import Executor
from doitstack.engine.plan_waits import PlanWaits
from doitstack.engine.scheduled_task import end_state
from doitstack.engine.state_saving import StateSaving
from doitstack.engine.step_journal import StepJournal
from doitstack.engine.task_graph import TaskGraph
from doitstack.engine.task_nodes import TaskNodes
from doitstack.errors import DoitstackError
from doitstack.futures.future import Future
from doitstack.journal.events import WaitEnd, WaitStart
from doitstack.phases import Phase
from doitstack.planning.call_action import uptodate_error
from doitstack.planning.doit_tasks import BUILT_IN, planned_step
from doitstack.planning.loaded_directory import is_of_main_plan
from doitstack.planning.plan import PlannedStep
from doitstack.processes.signals import Interrupted, on_interrupt
from doitstack.scheduling import scheduler as scheduling
from doitstack.scheduling.scheduler import BAD, GOOD, PENDING, TaskState
from doitstack.steps import Kind


class FutureRunner(Runner):  # type: ignore[misc]
    """Runs tasks one after another, and futures in parallel to them.

    run_tasks()
      the settings phases, then the main plan is made, then the selected tasks:
        start futures, run the next step of the main line, or wait for a future
      at the end:           stop the rest after a failure; run the closing tasks

    Args:
        make_main_tasks: makes the tasks of the later phases once `source` has run.
        close: runs a closing task by its name. Raises DoitstackError.
        always: whether tasks run even if they are up to date.
        single: whether the selected tasks run without their needs.
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
        self._journal = context.journal
        self._make_main_tasks = make_main_tasks
        self._closing = PendingTasks(close)
        self._is_single = single
        self._tears_down = context.options.tears_down
        self._graph: TaskGraph
        self._nodes = TaskNodes(context)
        self._failed: deque[tuple[ExecNode, Future]] = deque()
        self._waits = PlanWaits(executor.futures.collector, context.scheduler, self._nodes.step_of)
        self._step_journal = StepJournal(context.journal, context.log)
        self._any_ended = False
        self._is_finishing = False
        self._state = StateSaving(dep_manager, context.journal.now, context.loop.call_later)
        self._futures.starter.on_due = self._check_due

    def run_tasks(self, control: TaskControl) -> None:
        """Run the selected tasks, then the closing tasks, even after a failure or a signal."""
        self._graph = TaskGraph(control)
        is_complete = False
        try:
            with on_interrupt(self._loop.interrupt):
                self._run_selected(control.selected_tasks)
                self._loop.turn(0)
            is_complete = self.final_result == SUCCESS
        except Interrupted as signalled:
            self.interrupted = signalled
            self._executor.context.say(f"\nInterrupted by {signalled}: stopping")
        finally:
            with on_interrupt(lambda _: self._executor.kill_futures()):
                if self._loop.take_interruption() and self.interrupted:
                    self._executor.kill_futures()  # a second one came before this block
                self._finish(is_complete=is_complete)

    def _run_selected(self, selected: list[str]) -> None:
        """Run the selected tasks; the main plan is made once the settings phases have run."""
        if any(is_of_main_plan(task.name) for task in self._graph.wanted(selected)):
            self._run_all(self._graph.wanted([Phase.SOURCE.task]))
            if self.final_result != SUCCESS and not self._tears_down:
                return
            if self.steps:
                # The settings phases may have changed the steps of the later phases.
                self._graph.replace(is_of_main_plan, self._make_main_tasks())
                self._graph.check(selected)
        if self._is_single:
            self._graph.isolate(selected)
        self._run_all(self._graph.wanted(selected))

    def _run_all(self, tasks: list[Task]) -> None:
        """Run tasks until all have ended, or until none may start any more."""
        self._add(tasks)
        while True:
            self._loop.turn(0)
            self._futures.pump()
            while self._failed:
                self._show_failure(*self._failed.popleft())
            if task := self._scheduler.next_step():
                self._run(self._nodes[task.name])
            elif self._scheduler.is_stopped or not self._scheduler.count(
                *PENDING, TaskState.RUNNING
            ):
                return
            else:
                self._wait()

    def _add(self, tasks: Iterable[Task]) -> None:
        self._nodes.add(tasks, self._graph.needs)

    @property
    def steps(self) -> list[PlannedStep]:
        """The steps of the run so far."""
        return self._nodes.steps

    # -- tasks whose needs are done ----------------------------------------------------------------

    def _check_due(self, due: scheduling.Task) -> None:
        """Queue a task if it must run, end it if not, or let it wait if it has more needs."""
        node, is_wanted = self._nodes[due.name], False
        try:
            if self._gains_needs(node):
                return
            is_wanted = self._select(node)
        except (DoitstackError, InvalidCommand) as error:
            self._handle_task_error(node, DependencyError(str(error)))
        except Exception as error:
            self._handle_task_error(node, DependencyError(uptodate_error(error)))
        planned = planned_step(node.task)
        if not is_wanted:
            if node.run_status != "run":
                self._skip(node, planned)
        elif planned and self._is_beside_main_line(planned):
            self._start_future(node, planned)
        else:
            self._scheduler.queue(due.name)

    def _is_beside_main_line(self, planned: PlannedStep) -> bool:
        is_parallel = self._executor.context.options.parallel
        return planned.is_future and (is_parallel or planned.step.is_elsewhere)

    def _gains_needs(self, node: ExecNode) -> bool:
        """Return whether a task has more needs, now that its first needs are done."""
        if self._graph.is_late(node.task):
            node.task = self._graph.create(node.task)
        elif not self._graph.learn_calculated(node.task):
            return False
        self._wait_for_more(node)
        return True

    def _select(self, node: ExecNode) -> bool:
        """Return whether a task runs now: neither up to date nor before its setup tasks."""
        for need in self._graph.needs(node.task):
            if self._nodes[need].run_status == "ignore":
                node.ignored_deps.append(self._nodes[need])
        is_first_time = node.run_status is None
        is_wanted: bool = self.select_task(node, self._graph.tasks)
        if is_wanted:
            self._state.forget_success(node.task)
        if is_first_time and node.run_status == "run" and self._graph.learn_setup(node.task):
            self._wait_for_more(node)
        return is_wanted

    def _wait_for_more(self, node: ExecNode) -> None:
        self._add(self._graph.wanted([node.task.name]))
        self._scheduler.wait_for(node.task.name, *self._graph.needs(node.task))

    def _skip(self, node: ExecNode, planned: PlannedStep | None) -> None:
        if planned and node.run_status == "up-to-date":
            self._waits.skip(planned)
            if planned.is_future and self._executor.hosts:
                self._executor.hosts.ends.skipped(planned.step.name)
            self._step_journal.skip(planned)
        self._end(node)

    # -- futures -----------------------------------------------------------------------------------

    def _start_future(self, node: ExecNode, planned: PlannedStep) -> None:
        """Declare a future; it starts once the scheduler lets it start, which may be now."""
        self.reporter.execute_task(node.task)
        self._step_journal.start_future(planned)
        try:
            future = self._executor.start_future(planned)
        except DoitstackError as error:
            self._step_journal.cannot_start(planned, error)
            self.process_task_result(node, TaskFailed(str(error)))
            self._end(node)
        else:
            future.when_ended(lambda future: self._future_ended(node, future))

    def _future_ended(self, node: ExecNode, future: Future) -> None:
        """Record the end of a future. If it failed, its log is shown after the current step."""
        self._any_ended = True
        is_given_up = self._scheduler.state(node.task.name) is TaskState.NOT_RUN
        if self._is_finishing or is_given_up:
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
        # A teardown continues after a failure; the run fails at its end.
        is_over = TaskState.DONE if self._tears_down else TaskState.FAILED
        self._scheduler.ended(node.task.name, is_over)
        self._state.save_now_and_then()

    def _show_failure(self, node: ExecNode, future: Future) -> None:
        self._waits.show_failure(future)
        self.process_task_result(node, TaskFailed(future.failure()))

    # -- waiting -----------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for the next future to end; collect for an async_wait if that is the next step."""
        self._any_ended = False
        if self._waits.reached():
            self._loop.run_until(lambda: self._any_ended)
            return
        self._journal.write(WaitStart())
        self._loop.run_until(lambda: self._any_ended)
        self._journal.write(WaitEnd())

    # -- steps -------------------------------------------------------------------------------------

    def _run(self, node: ExecNode) -> None:
        """Run a step of the main line (in a serial run also a future), or another task."""
        planned = planned_step(node.task)
        if planned and planned.is_future:
            self._start_future(node, planned)
            self._loop.run_until(lambda: self._scheduler.state(node.task.name) in GOOD | BAD)
            return
        began = self._journal.now()
        failure = self._run_step(node, planned) if planned else self.execute_task(node.task)
        if not failure:
            self.reporter.took(node.task, self._journal.now() - began)
        self.process_task_result(node, failure)
        self._end(node)

    def _run_step(self, node: ExecNode, planned: PlannedStep) -> TaskFailed | None:
        with self._step_journal.running(planned) as end:
            failure = self.execute_task(node.task)
            if failure:
                end.fail(failure.get_msg().strip(), self._executor.failed_future)
            else:
                end.succeed()
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
        except (DoitstackError, OSError, ImportError) as error:
            return TaskFailed(str(error))
        return None

    def _act(self, task: Task, planned: PlannedStep | None) -> None:
        if not planned:
            self._closing.run(task.name)
        elif planned.step.kind is Kind.ASYNC_WAIT:
            self._waits.run(planned)
        else:
            self._executor.run_step(planned, task.pos_arg_val or ())

    def process_task_result(self, node: ExecNode, failure: TaskFailed | None) -> None:
        """Save how a task has ended."""
        super().process_task_result(node, failure or self._state.sync_targets(node.task))

    # -- ends --------------------------------------------------------------------------------------

    def _end(self, node: ExecNode) -> None:
        """Report the end of a task to the scheduler. A failure stops the plan, except with -c."""
        self._any_ended = True
        task = self._scheduler.task(node.task.name)
        state = end_state(node.run_status, tears_down=self._tears_down)
        self._scheduler.ended(task.name, state)
        if state is TaskState.FAILED and not task.counts and not self.continue_:
            self._scheduler.stop_plan()
        self._state.save_now_and_then()

    def _finish(self, *, is_complete: bool) -> None:
        """Stop what still runs unless all tasks are done; run the closing tasks that are left.

        A second signal while the futures are stopped kills them without grace.
        """
        self._is_finishing = True
        if self.continue_ and not self.interrupted:
            self._report_unmet()
        self._scheduler.stop()
        if not is_complete:
            self._executor.stop_futures()
            self._step_journal.not_run(self.steps)
        is_stacking = any(planned.task.startswith("stack:") for planned in self.steps)
        if is_stacking and not self._closing.run_rest() and self.final_result == SUCCESS:
            self.final_result = FAILURE
        if self.interrupted:
            self.final_result = self.interrupted.code

    def teardown(self) -> None:
        """Run the teardown of tasks; a signal ends it."""
        try:
            with self._loop.interruptible():
                super().teardown()
        except Interrupted as signalled:
            self.interrupted = self.interrupted or signalled
            self.final_result = self.interrupted.code

    def _report_unmet(self) -> None:
        """Report the tasks that were not run because a need failed or was not run."""
        for name in filter(self._nodes.__contains__, self._scheduler.of(TaskState.NOT_RUN)):
            needs = self._graph.needs(self._nodes[name].task)
            bad = [need for need in needs if self._scheduler.state(need) in BAD]
            self._handle_task_error(self._nodes[name], UnmetDependency(" ".join(bad)))
