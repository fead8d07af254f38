"""doit's Runner, with the one thing that doit lacks: a future is started, and doit goes on.

When a future ends, its node goes back to doit's dispatcher; doit's own rules decide the rest.
"""

import sys
from collections import deque
from dataclasses import replace
from typing import Any

from doit.control import ExecNode, TaskDispatcher
from doit.exceptions import DependencyError, TaskFailed
from doit.runner import FAILURE, SUCCESS, Runner
from doit.task import Stream, Task

from doitstack.engine.run import Executor
from doitstack.errors import DoitstackError
from doitstack.futures.future import Future
from doitstack.futures.plan_waits import Standstill
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
from doitstack.planning.doit_tasks import BUILT_IN, planned_step
from doitstack.processes.signals import Interrupted, on_interrupt
from doitstack.steps import Kind

SAVE_EVERY = 1.0
"""Seconds between two savings of doit's state while a run lasts."""


class _OrderedNodes(dict[ExecNode, None]):
    """A set that keeps the order in which nodes were added, where doit has a plain one."""

    def add(self, node: ExecNode) -> None:
        self[node] = None


class PlanDispatcher(TaskDispatcher):  # type: ignore[misc]
    """doit's dispatcher, which tells of tasks that become ready at once in the plan's order."""

    def _gen_node(self, parent: ExecNode | None, task_name: str) -> ExecNode | None:
        node = super()._gen_node(parent, task_name)
        if node:
            node.waiting_me = _OrderedNodes()
        return node


class FutureRunner(Runner):  # type: ignore[misc]
    """Runs tasks as doit's own runner does, and steps that are futures beside the others.

    run_tasks()
      dispatch():          hand ended tasks to doit, take tasks that are ready
        start futures, keep main-line steps
        run the first main-line step, or wait for a future
      finale():            stop the rest after a failure; the built-in tasks
    """

    def __init__(
        self, executor: Executor, dep_manager: Any, reporter: Any, *, keep_going: bool, always: bool
    ) -> None:
        super().__init__(dep_manager, reporter, keep_going, always, Stream(2))
        self.executor = executor
        self._ended: deque[tuple[ExecNode, Future | DoitstackError]] = deque()
        self._ready: list[ExecNode] = []
        self._running = 0
        self._known_tasks = 0
        self.final_result: int = SUCCESS
        self._built_in_done: set[str] = set()
        self._had_their_turn: set[str] = set()
        self._saved = executor.now()
        self.interrupted: Interrupted | None = None
        self._dispatcher: TaskDispatcher
        self._is_dispatching = False
        self._has_heard = False

    # -- doit's loop -----------------------------------------------------------------------------

    def run_tasks(self, task_dispatcher: TaskDispatcher) -> None:
        """Run all selected tasks, then the built-in ones, whatever has happened."""
        self._dispatcher = task_dispatcher
        is_through = False
        self._is_dispatching = True
        try:
            with on_interrupt(self.executor.loop.interrupt):
                self._dispatch()
            is_through = self.final_result == SUCCESS
        except Interrupted as signalled:
            self.interrupted = signalled
            self.executor.say(f"\nInterrupted by {signalled}: stopping")
        finally:
            self._is_dispatching = False
            with on_interrupt(lambda _: self.executor.kill_futures()):
                self._finale(is_through=is_through)

    def _dispatch(self) -> None:
        processed = None
        while not self._stop_running:
            node = self._next(processed)
            if node:
                processed = self._take(node)
            elif self._ended or self._ready or self._running:
                processed = self._advance()
            else:
                return

    def _next(self, processed: ExecNode | None) -> ExecNode | None:
        """Hand a node that is done with to doit; return one that is ready, if there is one."""
        try:
            node = self._dispatcher.generator.send(processed)
        except StopIteration:
            return None
        return node if isinstance(node, ExecNode) else None

    def _go_on(self) -> None:
        """Start the futures that others have held up, before the slots of those go to the queue.

        A future that has failed is for the end of the step, in whose output its log has no place.
        """
        while self._ended and _is_good(self._ended[0][1]):
            processed: ExecNode | None = self._finish_future(*self._ended.popleft())
            while node := self._next(processed):
                processed = self._take(node)
        self._start_futures()

    def _take(self, node: ExecNode) -> ExecNode | None:
        """Keep a task that is to run; return the node of one that is done with already."""
        try:
            is_wanted = self.select_task(node, self._dispatcher.tasks)
        except DoitstackError as error:
            self._handle_task_error(node, DependencyError(str(error)))
            return node
        if is_wanted:
            self._ready.append(node)
            return None
        self._journal_skipped(node)
        return node

    def _advance(self) -> ExecNode | None:
        """Do the next thing: hand over what has ended, start futures, run a step, or wait.

        Returns the node that is done with, if any.
        """
        self.executor.loop.turn(0)
        if not self._ended:
            self._plan(self._dispatcher.tasks)
            self._ready.sort(key=lambda node: _number(node.task))
            self._start_futures()
        if not self._ended:
            if self._ready:
                return self._run(self._ready.pop(0))
            self._wait()
        return self._finish_future(*self._ended.popleft()) if self._ended else None

    def _plan(self, tasks: dict[str, Task]) -> None:
        """Tell the executor what steps there are; after `source` there are more."""
        if len(tasks) != self._known_tasks:
            self._known_tasks = len(tasks)
            planned = map(planned_step, tasks.values())
            self.executor.order.plan(step for step in planned if step)

    def _start_futures(self) -> None:
        """Start all futures that are ready, those with the longest remaining path first.

        Without parallelism a future is one more step of the main line, at its own place.
        """
        if not self.executor.options.parallel:
            while self._ready and _is_future(self._ready[0]) and not self._ended:
                self._start_future(self._ready.pop(0))
            return
        futures = [node for node in self._ready if _is_future(node)]
        self._ready = [node for node in self._ready if not _is_future(node)]
        for node in sorted(futures, key=self._urgency):
            self._start_future(node)

    def _urgency(self, node: ExecNode) -> float:
        planned = planned_step(node.task)
        return -self.executor.order.of_step(planned) if planned else 0.0

    def _start_future(self, node: ExecNode) -> None:
        planned = planned_step(node.task)
        assert planned
        self.reporter.execute_task(node.task)
        self._journal(StepStart.of(planned))
        try:
            future = self.executor.start_future(planned)
        except DoitstackError as error:
            log = self.executor.log.size
            self.executor.journal.write(StepEnd(planned.task, Status.FAILED, log, str(error)))
            self._ended.append((node, error))
            return
        self._running += 1
        future.add_done_callback(lambda future: self._hear(node, future))

    def _hear(self, node: ExecNode, future: Future) -> None:
        self._ended.append((node, future))
        self._has_heard = True
        if self._is_dispatching and self.executor.options.parallel:
            self._go_on()

    def _wait(self) -> None:
        """Wait for the next future to end; say so if the main line stands at an async_wait."""
        self._has_heard = False
        at = self._async_wait_at()
        if at:
            self.executor.waits.announce(at)
            self.executor.loop.run_until(lambda: self._has_heard)
            self.executor.waits.collect_ended(at)
            return
        self.executor.journal.write(WaitStart())
        self.executor.loop.run_until(lambda: self._has_heard)
        self.executor.journal.write(WaitEnd())

    def _async_wait_at(self) -> Standstill | None:
        """Return the async_wait that only waits for its futures any more, if there is one."""
        for node in self._dispatcher.waiting:
            planned = planned_step(node.task)
            if planned and planned.step.kind is Kind.ASYNC_WAIT:
                missing = [planned_step(self._dispatcher.tasks[name]) for name in node.wait_run]
                futures = [needed.step.name for needed in missing if needed and needed.is_future]
                if len(futures) == len(missing):
                    return Standstill(planned, frozenset(futures))
        return None

    # -- results ---------------------------------------------------------------------------------

    def _run(self, node: ExecNode) -> ExecNode:
        """Run one step of the main line, or a task that is not ours."""
        journal = self.executor.journal
        planned = planned_step(node.task)
        if node.task.name in BUILT_IN:
            self._built_in_done.add(node.task.name)
        if planned:
            self._journal(replace(StepStart.of(planned), log=self.executor.log.size))
        status, error, future = Status.STOPPED, None, ""
        began = self.executor.now()
        try:
            failure = self.execute_task(node.task)
            status = Status.FAILED if failure else Status.DONE
            if failure:
                error, future = failure.get_msg().strip(), self.executor.failed_future
        finally:
            if planned:
                log = self.executor.log.size
                journal.write(StepEnd(planned.task, status, log, error, future))
        if not failure:
            self.reporter.took(node.task, self.executor.now() - began)
        self.process_task_result(node, failure)
        if _only_looks(node):
            self._look_on()
        self._save()
        return node

    def _look_on(self) -> None:
        """Let the others that only look have their turn, too, before a failure stops the run."""
        is_left = any(map(_only_looks, self._ready))
        self._stop_running = not (is_left or self.continue_ or self.final_result == SUCCESS)

    def _finish_future(self, node: ExecNode, future: Future | DoitstackError) -> ExecNode:
        """Tell doit how a future has ended. One that nobody waits for only warns."""
        if isinstance(future, DoitstackError):
            # It was not even taken on.
            self.process_task_result(node, TaskFailed(str(future)))
            return node
        self._running -= 1
        planned = planned_step(node.task)
        assert planned
        if future.rc == 0:
            self.reporter.took(node.task, future.seconds)
            self.process_task_result(node, None)
        elif planned.is_awaited or future.cancelled():
            self.executor.show_failure(future, self._async_wait_at())
            self.process_task_result(node, TaskFailed(future.failure()))
        else:
            self.dep_manager.remove_success(node.task)
            node.run_status = "successful"
        self._save()
        return node

    def _save(self) -> None:
        """Save doit's state now and then: a killed run shall not lose what was good."""
        if self.executor.now() - self._saved >= SAVE_EVERY:
            self.dep_manager.backend.dump()
            self._saved = self.executor.now()

    def _journal_skipped(self, node: ExecNode) -> None:
        planned = planned_step(node.task)
        if planned and node.run_status == "up-to-date":
            self.executor.waits.skip(planned)
            self._journal(StepSkipped.of(planned))

    def _journal(self, event: StepEvent) -> None:
        """Record that a step has its turn."""
        self._had_their_turn.add(event.task)
        self.executor.journal.write(event)

    def _journal_not_run(self) -> None:
        """Record the steps that were wanted and whose turn never came."""
        for task in wanted(self._dispatcher):
            planned = planned_step(task)
            if planned and planned.task not in self._had_their_turn:
                self._journal(StepNotRun.of(planned))

    # -- the end ---------------------------------------------------------------------------------

    def _finale(self, *, is_through: bool) -> None:
        """Stop what still runs unless all is through, then run the built-in tasks that are left.

        A second signal while we stop waits for nobody's grace.
        """
        if not is_through:
            self.executor.stop_futures()
            self._journal_not_run()
        for name in BUILT_IN:
            task = self._dispatcher.tasks.get(name)
            if task and name not in self._built_in_done:
                self._built_in_done.add(name)
                failure = task.execute(self.stream)
                if failure and self.final_result == SUCCESS:
                    self.final_result = FAILURE
        if self.interrupted:
            self.final_result = self.interrupted.code


def wanted(dispatcher: TaskDispatcher) -> list[Task]:
    """Return the tasks that were asked for, and all that they need, in the order of the plan."""
    names = dict.fromkeys(dispatcher.selected_tasks)
    left = list(names)
    while left:
        task = dispatcher.tasks.get(left.pop())
        new = [name for name in task.task_dep if name not in names] if task else []
        names.update(dict.fromkeys(new))
        left += new
    tasks = [dispatcher.tasks[name] for name in names if name in dispatcher.tasks]
    return sorted(tasks, key=_number)


def _number(task: Task) -> tuple[int, str]:
    planned = planned_step(task)
    return (planned.number if planned else sys.maxsize, task.name)


def _is_good(future: Future | DoitstackError) -> bool:
    return isinstance(future, Future) and future.rc == 0


def _is_future(node: ExecNode) -> bool:
    planned = planned_step(node.task)
    return planned is not None and planned.is_future


def _only_looks(node: ExecNode) -> bool:
    planned = planned_step(node.task)
    return planned is not None and planned.step.only_looks
