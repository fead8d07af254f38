"""Futures that Python plugins start, in real runs."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import MakeStackDir, Outcome, StackDir
from tests.integration.probes import is_dead, plugin, transcript

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"


def test_future_writes_to_its_own_log_until_it_is_collected(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def noisy(stack):
            print("first half")
            subprocess.run(["echo", "of a program"])
            passing("gate")
            print("second half")

        def look(stack):
            log = stack.dest / "async" / "noisy.log"
            until(lambda: log.exists() and "program" in log.read_text())
            assert log.read_text() == "first half\\nof a program\\n"
            assert "half" not in stack_log(stack)
            print("on the main line")
            opened("gate")
            until_logged(stack, "finished successfully")

        @hookimpl
        def stack_install(stack):
            yield async_run("noisy", noisy)
            yield run(look)
            yield async_wait("noisy")
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert transcript(outcome) == [
        "[Async noisy:PID]: running: noisy",
        "on the main line",
        "[Async noisy:PID]: finished successfully",
        "[Async noisy:PID]: Waiting for completion of noisy (0 other jobs running)",
        "first half",
        "of a program",
        "second half",
        "[Async noisy:PID]: finished noisy with result 0 in N seconds",
    ]
    assert stack.log("noisy") == "first half\nof a program\nsecond half\n"
    assert not (stack.dest / "async" / "noisy.ini").exists()
    assert oct((stack.dest / "async" / "noisy.log").stat().st_mode) == "0o100600"
    assert oct((stack.dest / "async").stat().st_mode) == "0o40700"
    assert (stack.dest / "logs" / "stack.log").read_text() in outcome.out


def test_futures_that_write_at_once_are_inserted_whole(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def noisy(stack, name):
            for number in range(500):
                print(name, number, flush=True)
            print(name, "end without a newline", end="")

        @hookimpl
        def stack_install(stack):
            for name in "abcd":
                yield async_run(name, noisy, name)
            yield async_wait("c", "a", "d", "b")
    """)
        }
    )

    lines = stack.run("stack").ok().lines

    for name in "abcd":
        whole = [f"{name} {number}" for number in range(500)] + [f"{name} end without a newline"]
        start = lines.index(f"{name} 0")
        assert lines[start : start + 501] == whole
    order = [line for line in lines if line.endswith(" 0") and line[0] in "abcd"]
    assert order == ["c 0", "a 0", "d 0", "b 0"]


@pytest.mark.parametrize("wait", ["async_wait('big')", "run(collect)"])
def test_big_log_is_inserted_in_constant_memory(stack_dir: MakeStackDir, wait: str) -> None:
    megabytes = 100
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        import resource

        def memory():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

        def collect(stack):
            stack.async_wait("big")

        def big(stack):
            line = "x" * 1023 + "\\n"
            for _ in range({megabytes}):
                sys.stdout.write(line * 1024)
            sys.stdout.flush()

        def before(stack):
            Path("before").write_text(str(memory()))

        def after(stack):
            Path("after").write_text(str(memory()))

        @hookimpl
        def stack_install(stack):
            yield run(before)
            yield async_run("big", big)
            yield {wait}
            yield run(after)
    """)
        }
    )
    process = stack.start("stack")
    assert process.stdout
    size = 0
    with process.stdout.buffer as output:
        while chunk := output.read1(1 << 20):
            size += len(chunk)

    assert process.wait() == 0
    assert 0 <= size - (megabytes << 20) < 1 << 16, "once, and whole"
    assert (stack.dest / "async" / "big.log").stat().st_size == megabytes << 20
    before, after = (int((stack.path / name).read_text()) for name in ("before", "after"))
    assert after - before < 20, f"{before} MB before, {after} MB after"


def test_running_futures_are_counted_while_one_is_waited_for(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def slow(stack, gate):
            passing(gate)

        def quick(stack):
            pass

        def gather(stack):
            slow_one = stack.async_run("slow", slow, "gate")
            until(stack.async_run("quick", quick).done)
            stack.async_wait("quick")
            opened("gate")
            stack.async_wait("slow")

        @hookimpl
        def stack_install(stack):
            yield run(gather)
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    waits = [line for line in transcript(outcome) if "Waiting" in line]
    assert waits == [
        "[Async quick:PID]: Waiting for completion of quick (1 other jobs running)",
        "[Async slow:PID]: Waiting for completion of slow gate (0 other jobs running)",
    ]


ODD = ["two words", "", "*", "it's", '"quoted"', "$HOME", "a\nb", "\\n", "-n", "ümlaut", "a=b"]


def test_arguments_of_a_callable_arrive_as_given(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        def keep(stack, name, *arguments):
            Path(name).write_text(repr(arguments))

        def start(stack):
            stack.async_run("dynamic", keep, "dynamic", *{ODD!r})
            stack.async_wait("dynamic")

        @hookimpl
        def stack_install(stack):
            yield async_run("planned", keep, "planned", *{ODD!r})
            yield async_wait("planned")
            yield run(start)
    """)
        }
    )

    outcome = stack.run("stack").ok()

    assert (stack.path / "planned").read_text() == repr(tuple(ODD))
    assert (stack.path / "dynamic").read_text() == repr(tuple(ODD))
    assert outcome.out.count("a\\nb") == 6, "the command stays on one line"


def test_arguments_of_a_program_arrive_as_given(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        @hookimpl
        def stack_install(stack):
            yield async_run("program", ["printf", "%s\\\\0", *{ODD!r}])
            yield async_wait("program")
    """)
        }
    )

    stack.run("stack").ok()

    assert stack.log("program").split("\0") == [*ODD, ""]


def test_async_wait_collects_in_order_and_stops_at_the_first_failure(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def leave(stack, code):
            print("leaving with", code)
            sys.exit(code)

        def gather(stack):
            codes = {"a": 0, "b": 7, "c": 9}
            futures = [stack.async_run(name, leave, code) for name, code in codes.items()]
            until_logged(stack, "finished successfully")
            until_logged(stack, "FAILED with rc", 2)
            until(lambda: all(future.done() for future in futures))
            try:
                stack.async_wait("a", "b", "c")
            except FutureError as error:
                print("code", error.code)

        @hookimpl
        def stack_install(stack):
            yield run(gather)
    """)
        }
    )

    outcome = stack.run("stack").ok()

    told = transcript(outcome)
    waits = told[next(i for i, line in enumerate(told) if "Waiting" in line) :]
    assert waits == [
        "[Async a:PID]: Waiting for completion of leave 0 (0 other jobs running)",
        "leaving with 0",
        "[Async a:PID]: finished leave 0 with result 0 in N seconds",
        "[Async b:PID]: Waiting for completion of leave 7 (0 other jobs running)",
        "leaving with 7",
        "[Async b:PID]: finished leave 7 with result 7 in N seconds",
        "Stopping async wait due to error: a b c",
        "code 7",
        "WARNING: uncollected async future c",
        "[Async c:PID]: Waiting for completion of leave 9 (0 other jobs running)",
        "leaving with 9",
        "[Async c:PID]: finished leave 9 with result 9 in N seconds",
        "WARNING: uncollected futures have failed: c; `doit log c` shows why",
    ]
    assert "[Async b:PID]: FAILED with rc 7" in told


def test_failed_future_of_the_plan_fails_the_run(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def good(stack):
            print("all is well")

        def bad(stack):
            print("about to fail")
            sys.exit(7)

        def never(stack):
            print("must not be run")
            stack.async_run("c", good)

        def ended(stack):
            until_logged(stack, "finished successfully")

        def late(stack):
            until_logged(stack, "Waiting for completion of late")
            bad(stack)

        @hookimpl
        def stack_install(stack):
            yield async_run("a", good)
            yield async_run("b", late)
            yield run(ended)
            yield async_wait("a", "b", "c")
            yield run(never)
    """)
        }
    )
    outcome = stack.run("stack").failed(1)

    told = transcript(outcome)
    assert told[-4:] == [
        "about to fail",
        "[Async b:PID]: finished late with result 7 in N seconds",
        "Stopping async wait due to error: a b c",
        "ERROR: stack install: plugin demo: step b: future b: failed with rc 7",
    ]
    assert "must not be run" not in outcome.out
    assert "Traceback" not in outcome.out
    assert "Total runtime" in outcome.out


def test_waiting_for_what_never_started_or_is_collected_is_no_failure(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def quick(stack):
            pass

        @hookimpl
        def stack_install(stack):
            yield async_run("quick", quick)
            yield async_wait("quick")
            if stack.is_service_enabled("nobody"):
                yield async_run("nobody", quick)
            yield async_wait("quick", "nobody")
    """)
        }
    )

    outcome = stack.run("stack").ok()

    notice = "Not waiting for async task {} that we never started or has already been waited for"
    assert transcript(outcome)[-2:] == [notice.format("quick"), notice.format("nobody")]


def test_name_that_is_taken_is_refused(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def slow(stack):
            passing("gate")

        def again(stack):
            try:
                stack.async_run("slow", slow)
            except FutureError as error:
                print("refused:", error)
            opened("gate")
            stack.async_wait("slow")
            Path("gate").unlink()
            Path("gate").touch()
            stack.async_run("slow", slow)
            stack.async_wait("slow")

        @hookimpl
        def stack_install(stack):
            yield async_run("slow", slow)
            yield run(again)
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    refused = "refused: future slow: is already started and not collected; use another name"
    assert refused in outcome.lines
    assert outcome.out.count("finished slow with result 0") == 2


def test_bad_name_is_refused_before_a_file_is_touched(stack_dir: MakeStackDir) -> None:
    names = ["../x", ".x", "a b", "", "-x", "a/b", "x\n"]
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        def start(stack):
            for name in {names!r}:
                try:
                    stack.async_run(name, start)
                except DoitstackError as error:
                    print(error)
            stack.async_run("../last", start)

        @hookimpl
        def stack_install(stack):
            yield run(start)
    """)
        }
    )

    outcome = stack.run("stack").failed(1)

    for name in [*names, "../last"]:
        assert f"bad name for a future: {name!r}" in outcome.out
    assert [path.name for path in (stack.dest / "async").iterdir()] == [".run"]
    assert "Traceback" not in outcome.out


UNCOLLECTED = plugin("""
    def forgotten(stack, code):
        print("leaving with", code)
        sys.exit(code)

    def start(stack):
        until(stack.async_run("bad", forgotten, 5).done)
        until(stack.async_run("good", forgotten, 0).done)

    @hookimpl
    def stack_install(stack):
        yield run(start)
""")


def test_uncollected_futures_are_collected_in_the_end(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: UNCOLLECTED})

    outcome = stack.run("stack").ok()

    assert transcript(outcome)[-9:] == [
        "WARNING: uncollected async future bad",
        "[Async bad:PID]: Waiting for completion of forgotten 5 (0 other jobs running)",
        "leaving with 5",
        "[Async bad:PID]: finished forgotten 5 with result 5 in N seconds",
        "WARNING: uncollected async future good",
        "[Async good:PID]: Waiting for completion of forgotten 0 (0 other jobs running)",
        "leaving with 0",
        "[Async good:PID]: finished forgotten 0 with result 0 in N seconds",
        "WARNING: uncollected futures have failed: bad; `doit log bad` shows why",
    ]
    # Nor does the end of a run that succeeds hide it.
    assert outcome.out.count("WARNING: uncollected futures have failed: bad") == 2
    collected = {e["name"]: e["rc"] for e in outcome.journal if e["event"] == "collected"}
    assert collected == {"bad": 5, "good": 0}
    assert list((stack.dest / "async").glob("*.ini")) == []


def test_uncollected_failure_fails_a_strict_run(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: UNCOLLECTED})

    outcome = stack.run("stack", ASYNC_STRICT="True").failed(1)

    error = "ERROR: async_cleanup: uncollected futures have failed: bad (ASYNC_STRICT is set)"
    assert error in outcome.lines
    assert "Total runtime" in outcome.out


def test_uncollected_future_of_the_plan_is_waited_for(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def slow(stack):
            until_logged(stack, "WARNING: uncollected async future slow")
            Path("done").touch()
            sys.exit(4)

        @hookimpl
        def stack_install(stack):
            yield async_run("slow", slow)
    """)
        }
    )

    outcome = stack.run("stack").ok()

    assert (stack.path / "done").exists()
    assert "[Async slow:PID]: finished slow with result 4 in N seconds" in transcript(outcome)
    assert "future slow of plugin demo is never waited for" in stack.run("plan").ok().out


def test_future_object_answers_as_concurrent_futures_does(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def slow(stack):
            passing("gate")
            return 42

        def check(stack):
            future = stack.async_run("slow", slow)
            assert future.running() and not future.done() and not future.cancelled()
            assert not future.cancel()
            try:
                future.result(timeout=0)
            except TimeoutError:
                print("not yet")
            seen = []
            future.add_done_callback(seen.append)
            opened("gate")
            until(future.done)
            assert not future.running()
            assert seen == [future]
            future.add_done_callback(seen.append)
            assert seen == [future, future]
            assert future.exception() is None
            assert future.result() == 42
            assert future.result(timeout=0) == 42

        @hookimpl
        def stack_install(stack):
            yield run(check)
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert "not yet" in outcome.lines
    assert outcome.out.count("finished slow with result 0") == 1


def test_queued_future_can_be_cancelled(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        from concurrent.futures import CancelledError

        def slow(stack):
            passing("gate")

        def never(stack):
            Path("never").touch()

        def check(stack):
            first = stack.async_run("first", slow)
            second = stack.async_run("second", never)
            assert not second.running() and second.cancel() and second.cancelled()
            assert second.done()
            try:
                second.result()
            except CancelledError:
                print("cancelled")
            opened("gate")
            first.result()

        @hookimpl
        def stack_install(stack):
            yield run(check)
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("-n", "1", "stack").ok()

    assert "cancelled" in outcome.lines
    assert "WARNING" not in outcome.out
    assert not (stack.path / "never").exists()


def test_future_may_not_start_or_wait_inside_a_future(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def quick(stack):
            return 1

        def nested(stack, other):
            for verb in (partial(stack.async_run, "inner", quick), partial(stack.async_wait, "x"),
                         other.result):
                try:
                    verb()
                except FutureError as error:
                    print("refused:", error)

        def start(stack):
            other = stack.async_run("other", quick)
            stack.async_run("outer", nested, other)
            stack.async_wait("outer", "other")

        @hookimpl
        def stack_install(stack):
            yield run(start)
    """)
        }
    )

    stack.run("stack").ok()

    assert [line.split(";")[0] for line in stack.log("outer").splitlines()] == [
        "refused: future outer: async_run belongs to the main line",
        "refused: future outer: async_wait belongs to the main line",
        "refused: future other: result belongs to the main line",
    ]


@contextmanager
def few_descriptors(number: int) -> Iterator[None]:
    """Let programs that are started in the block begin with so few descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_futures_have_their_own_codes(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def leave(stack, code):
            with open("gate", "rb", buffering=0) as gate:
                gate.read(1)
            sys.exit(code)

        def start(stack):
            futures = [stack.async_run(f"f{n}", leave, n) for n in range(256)]
            assert all(future.running() for future in futures)
            # It stays open, as some may open it later than others.
            os.write(os.open("gate", os.O_RDWR), bytes(256))
            for number, future in enumerate(futures):
                error = future.exception()
                assert future.rc == number, (number, future.rc)
                assert getattr(error, "code", 0) == number
            print("all are right")

        @hookimpl
        def stack_install(stack):
            yield run(start)
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    # A run must not be content with the usual limit, which a thousand futures would exceed.
    with few_descriptors(200):
        process = stack.start("stack")
    out, _ = process.communicate()
    assert process.returncode == 0, out
    assert "all are right" in out.splitlines()


def test_thousand_futures_of_the_plan_are_collected(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def quick(stack, number):
            print("number", number)

        @hookimpl
        def stack_install(stack):
            names = [f"f{n}" for n in range(1000)]
            for number, name in enumerate(names):
                yield async_run(name, quick, number)
            yield async_wait(*names)
    """)
        }
    )

    lines = stack.run("stack").ok().lines

    numbers = [line for line in lines if line.startswith("number ")]
    assert numbers == [f"number {number}" for number in range(1000)]


def test_daemon_that_keeps_the_output_open_delays_nothing(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def by_program(stack):
            daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
            print("pid", daemon.pid)

        def by_fork(stack):
            pid = os.fork()
            if pid == 0:
                os.setsid()
                time.sleep(600)
                os._exit(0)
            print("pid", pid)

        @hookimpl
        def stack_install(stack):
            yield run(shell(":"))
            yield async_run("program", by_program)
            yield async_run("fork", by_fork)
            yield async_wait("program", "fork")
            yield run(by_program, name="main_line")
    """)
        }
    )

    process = stack.start("stack")
    out, _ = process.communicate()

    pids = [int(line.split()[1]) for line in out.splitlines() if line.startswith("pid ")]
    try:
        assert process.returncode == 0, out
        assert len(pids) == 3
        assert not any(is_dead(pid) for pid in pids)
    finally:
        for pid in pids:
            os.kill(pid, 9)


def test_future_waits_for_futures(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def first(stack):
            passing("gate")
            Path("first").touch()

        def second(stack):
            assert Path("first").exists()
            Path("second").touch()

        def go_on(stack):
            assert not Path("first").exists()
            opened("gate")

        @hookimpl
        def stack_install(stack):
            yield async_run("b", second, wait=["a"])
            yield async_run("a", first)
            yield run(go_on)
            yield async_wait("b", "a")
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert (stack.path / "second").exists()
    started = [e["name"] for e in outcome.journal if e["event"] == "future_start"]
    assert started == ["a", "b"]


def test_future_is_not_started_when_what_it_waits_for_failed(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def bad(stack):
            sys.exit(3)

        def never(stack):
            Path("never").touch()

        @hookimpl
        def stack_install(stack):
            yield async_run("a", bad)
            yield async_run("b", never, wait=["a"])
            yield async_wait("b")
    """)
        }
    )

    outcome = stack.run("stack").failed(1)

    assert not (stack.path / "never").exists()
    assert "ERROR: stack install: plugin demo: step a: future a: failed with rc 3" in outcome.lines
    assert "[Async a:PID]: finished bad with result 3 in N seconds" in transcript(outcome)


def test_future_that_cannot_start_is_a_failed_step_and_others_go_on(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def touch(stack, name):
            Path(name).touch()

        def take_the_name(stack):
            stack.async_run("a", touch, "taken")

        @hookimpl
        def stack_install(stack):
            yield run(take_the_name)
            yield async_run("a", touch, "a")
            yield async_run("after_a", touch, "after_a", wait=["a"])
            yield async_run("other", touch, "other")
            yield run(touch, "main_line")
    """)
        }
    )

    outcome = stack.run("-c", "stack").failed(2)

    refused = "future a: is already started and not collected; use another name"
    assert f"ERROR: stack install: plugin demo: step a: {refused}" in outcome.lines
    made = {name for name in ("a", "after_a") if (stack.path / name).exists()}
    assert made == set()
    assert all((stack.path / name).exists() for name in ("taken", "other", "main_line"))
    assert "not run because of it: after_a" in outcome.lines


BOUNDED = plugin("""
    def work(stack, name):
        with open("order", "a") as order:
            order.write(f"start {name}\\n")
        time.sleep(0.02)
        with open("order", "a") as order:
            order.write(f"end {name}\\n")

    @hookimpl
    def stack_install(stack):
        names = [f"f{n}" for n in range(8)]
        for name in names:
            yield async_run(name, work, name)
        yield async_wait(*names)
""")


def _most_at_once(lines: list[str]) -> int:
    at_once = most = 0
    for line in lines:
        at_once += 1 if line.startswith("start") else -1
        most = max(most, at_once)
    return most


@pytest.mark.parametrize(("arguments", "jobs"), [(("-n", "1"), "0"), ((), "1")])
def test_one_future_at_a_time_runs_in_declared_order(
    stack_dir: MakeStackDir, arguments: tuple[str, ...], jobs: str
) -> None:
    stack = stack_dir({DEMO: BOUNDED})

    stack.run(*arguments, "stack", ASYNC_JOBS=jobs).ok()

    lines = (stack.path / "order").read_text().splitlines()
    assert lines == [f"{what} f{n}" for n in range(8) for what in ("start", "end")]


def test_no_more_futures_run_at_once_than_may(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BOUNDED})

    outcome = stack.run("-n", "3", "stack").ok()

    assert _most_at_once((stack.path / "order").read_text().splitlines()) <= 3
    started = [e["name"] for e in outcome.journal if e["event"] == "future_start"]
    assert started == [f"f{n}" for n in range(8)]


def test_main_line_waits_for_no_slot(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def slow(stack):
            passing("gate")

        def queued(stack):
            pass

        def go_on(stack):
            assert not stack_log(stack).count("finished")
            opened("gate")

        @hookimpl
        def stack_install(stack):
            yield async_run("slow", slow)
            yield async_run("queued", queued)
            yield run(go_on)
            yield async_wait("queued", "slow")
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    stack.run("-n", "1", "stack").ok()


def test_futures_go_on_while_the_main_line_runs_a_program(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        def quick(stack, name):
            Path(name).touch()

        def program(stack):
            stack.run(["sh", "-c", "until [ -e c ]; do sleep 0.01; done"])

        @hookimpl
        def stack_install(stack):
            for name in "abc":
                yield async_run(name, quick, name)
            yield run(program)
            yield async_wait("a", "b", "c")
    """)
        }
    )

    stack.run("-n", "1", "stack").ok()


@pytest.mark.parametrize(
    "step", ["run([*WAIT])", "run(shell(' '.join(map(shlex.quote, WAIT))))", "run(look)"]
)
def test_future_starts_during_a_step_as_soon_as_its_waits_have_ended(
    stack_dir: MakeStackDir, step: str
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        import shlex, sys
        WAIT = ["timeout", "200", "sh", "-c", "until [ -e second ]; do sleep 0.05; done"]

        def look(stack):
            for _ in range(4000):
                if Path("second").exists():
                    return
                stack.sleep(0.05)
            sys.exit("not seen")

        @hookimpl
        def stack_install(stack):
            yield async_run("first", ["sleep", "0.2"])
            yield async_run("second", ["touch", "second"], wait=["first"])
            yield {step}
            yield async_wait("second")
    """)
        }
    )

    outcome = stack.run("stack").ok()

    # Nothing collects the first, but another future has waited for it.
    assert "[Async first:PID]: finished sleep 0.2 with result 0 in N seconds" in transcript(outcome)
    assert "uncollected" not in outcome.out


def test_failure_during_a_step_is_reported_after_it(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            begun = "until [ -e begun ]; do sleep 0.01; done"
            yield async_run("first", ["sh", "-c", f"{begun}; echo of the future; false"])
            yield async_run("second", ["touch", "second"], wait=["first"])
            ended = "until grep -qs future_end .stack/logs/runs/*; do sleep 0.01; done"
            yield run(["sh", "-c", f"echo begin; touch begun; {ended}; echo end"])
            yield async_wait("first", "second")
    """)
        }
    )

    outcome = stack.run("stack").failed(1)

    said = [line for line in outcome.lines if line in {"begin", "end", "of the future"}]
    assert said[:3] == ["begin", "end", "of the future"]
    assert not (stack.path / "second").exists()


UNTIL_AWAITED = """\
timeout 200 sh -c "until grep -q '\\"wait_start\\", \\"name\\": \\"$0\\"' .stack/logs/runs/*.jsonl
do sleep 0.02; done"
"""
"""A program that ends when the main line waits for a future."""


def _waits(stack: StackDir) -> list[tuple[str, str]]:
    kinds = ("wait_start", "future_start", "collected")
    journal = Outcome(0, "", stack).journal
    return [(event["event"], event["name"]) for event in journal if event["event"] in kinds]


def test_wait_for_a_future_that_cannot_start_yet_is_recorded(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        UNTIL_AWAITED = {UNTIL_AWAITED!r}

        @hookimpl
        def stack_install(stack):
            yield async_run("first", ["sh", "-c", UNTIL_AWAITED, "second"])
            yield async_run("second", ["true"], wait=["first"])
            yield async_wait("second")
            yield async_wait("first")
    """)
        }
    )
    stack.run("stack").ok()
    assert _waits(stack) == [
        ("future_start", "first"),
        ("wait_start", "second"),
        ("future_start", "second"),
        ("collected", "second"),
        ("wait_start", "first"),
        ("collected", "first"),
    ]


def test_wait_is_recorded_although_a_future_was_up_to_date(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin(f"""
        UNTIL_AWAITED = {UNTIL_AWAITED!r}

        @hookimpl
        def stack_install(stack):
            yield async_run("good", ["true"], uptodate=[True])
            yield async_run("slow", ["sh", "-c", UNTIL_AWAITED, "slow"])
            if stack.is_service_enabled("nobody"):
                yield async_run("nobody", ["true"])
            yield async_wait("nobody", "good", "slow")
    """)
        }
    )
    stack.run("stack").ok()
    (stack.dest / "logs" / "runs").rename(stack.dest / "logs" / "before")
    stack.run("stack").ok()
    assert _waits(stack) == [
        ("future_start", "slow"),
        ("wait_start", "slow"),
        ("collected", "slow"),
    ]


def test_signal_while_an_error_is_printed_ends_a_future_quietly(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        class LateError(DoitstackError):
            def __str__(self):
                os.kill(os.getpid(), signal.SIGTERM)
                return "the program ended with code 143"

        def late(stack):
            raise LateError

        @hookimpl
        def stack_install(stack):
            yield async_run("late", late)
            yield async_wait("late")
    """)
        }
    )

    outcome = stack.run("stack").failed(1)

    assert "[Async late:PID]: FAILED with rc 143" in transcript(outcome)
    assert "Traceback" not in outcome.out
