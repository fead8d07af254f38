"""Kill parts of a run over several hosts, cut them off, or interrupt it, and look at what is left.

The hosts are namespaces with a real sshd. In each round something happens to a `doit stack` of a
controller and two hosts at a moment of the journals: a process is killed, a host is lost with all
of its processes, its link is cut, or a signal comes. Soon after, no process of the run may live on
any host, no step may have started twice, and the next `doit stack` must succeed and not repeat
what had ended. A seed replays what happens, and when.
"""

import os
import random
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.kill_victims import described, read
from tests.campaign.kills import Moment
from tests.conftest import StackDir, clean_environment, user_caches
from tests.integration.probes import marked, plugin
from tests.sshd_hosts import SshdHost, sshd_hosts

NAMES = ("one", "two")
"""The hosts other than the controller."""

SECONDS = 60.0
"""Within which all processes must end on a host that has lost the others, on a busy machine, too.

How long they live is in each round: a few seconds if the machine is quiet.
"""

PATIENCE = 120.0
"""Seconds in which all must have ended everywhere; a run that is stopped takes a few."""

HANG = 250.0
"""Seconds after which a run that has not ended hangs."""

_SAVED = 2.0
"""Seconds after which a success is on the disk even if its run is killed."""

_PLAN = """
    from doitstack.uptodate import Unchanged

    def work(stack, name, seconds):
        def tell(what):
            line = f"{what} {name} {time.time()} {stack.settings['ATTEMPT']}\\n"
            with open(stack.settings["TOLD"], "a") as file:
                file.write(line)

        tell("start")
        idle = ["sh", "-c", f"while sleep 60; do : {name}; done"]
        daemon = subprocess.Popen(idle, start_new_session=True)
        try:
            stack.run(["sleep", str(seconds)])
        finally:
            os.killpg(daemon.pid, signal.SIGKILL)
        tell("end")

    def once(stack):
        return {"uptodate": [Unchanged(lambda: stack.settings["ROUND"])]}

    @hookimpl
    def stack_install(stack):
        here, more = stack.settings["THIS_HOST"], once(stack)
        if here == "controller":
            yield async_run("accounts", work, "accounts", 0.2, **more)
            yield async_run("image", work, "image", 0.5, **more)
            yield run(work, "first", 0.1, **more)
            yield async_wait("accounts", "compute@one", "compute@two")
            yield run(work, "discover", 0.2, **more)
            yield async_wait("image")
        else:
            more = {**more, "wait": ["accounts@controller"]}
            yield async_run("compute", work, f"compute-{here}", 0.2, **more)
            del more["wait"]
            yield async_run("volume", work, f"volume-{here}", 0.4, **more)
            yield run(work, f"prepare-{here}", 0.2, **more)
            yield async_wait("compute", *["compute@one"] * (here == "two"))
            yield run(work, f"last-{here}", 0.1, **more)
            yield async_wait("volume")
"""

STEPS = {
    "controller": ("accounts", "image", "first", "discover"),
    **{
        name: tuple(f"{one}-{name}" for one in ("compute", "volume", "prepare", "last"))
        for name in NAMES
    },
}
"""The steps of each host."""

_LINES = 2 * sum(map(len, STEPS.values()))
"""The starts and ends of all steps."""

EVENTS = ("main", "interrupt", "terminate", "link", "ssh", "sshd", "agent", "there", "lost", "cut")
"""What happens: the main process is killed, gets SIGINT or SIGTERM; the process that is connected
to a host is killed, its ssh, the session of sshd there, our program there, the main process there;
a host is lost, its network is cut."""

_SIGNALS = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}


@dataclass(frozen=True)
class Round:
    """What happened to which host and when, and how that went; `faults` is empty if well.

    `there` is how long processes lived on the other hosts afterwards, or on the one that it
    happened to, and `everywhere` how long any lived; `repeated` are steps that the next run
    started again though they had ended well.
    """

    event: str
    host: str
    moment: Moment
    there: float
    everywhere: float
    repeated: tuple[str, ...]
    faults: tuple[str, ...]


class Campaign:
    """Rounds of a stack over `hosts`; `mark` is in the environment of all processes of a run."""

    def __init__(self, stack: StackDir, hosts: dict[str, SshdHost], mark: str, seed: int) -> None:
        self._stack = stack
        self._hosts = hosts
        self._mark = mark
        self._seed = seed
        self._random = random.Random(seed)
        self._told = stack.path / "told"
        self._configure("first", 0)
        stack.run("stack").ok()

    def rounds(self, count: int) -> Iterator[Round]:
        """Run `count` rounds; each event comes equally often."""
        order, kinds = random.Random(self._seed), []
        for number in range(count):
            kinds = kinds or order.sample(EVENTS, len(EVENTS))
            # What a round draws does not depend on how those before went.
            self._random = random.Random(f"{self._seed} {number}")
            yield self._round(str(number), kinds.pop())

    def _configure(self, name: str, attempt: int) -> None:
        lines = (
            *("[[local|localrc]]", "ENABLED_SERVICES=,", f"HOSTS={','.join(NAMES)}"),
            *(f"HOST_IP={self._hosts['controller'].address}", f"TOLD={self._told}"),
            *(f"ROUND={name}", f"ATTEMPT={attempt}", ""),
        )
        (self._stack.path / "local.conf").write_text("\n".join(lines))

    def _round(self, name: str, event: str) -> Round:
        host = self._hosts[self._random.choice(NAMES)]
        moment = self._moment()
        self._told.write_text("")
        self._configure(name, 1)
        process = self._stack.start("stack")
        self._wait_for(moment, process)
        happened = self._let_happen(event, process, host)
        there = self._seconds_there(event, host) if happened else 0.0
        faults, out = self._end_of(process)
        everywhere = self._seconds_until_none(PATIENCE if happened else SECONDS, [*self._hosts])
        if there is None or there > SECONDS:
            faults.append(f"{there} s on {host.name}: {described(self._living([*NAMES]))}")
        if everywhere is None:
            faults.append(f"still there: {described(self._living([*self._hosts]))}")
        faults += self._faults_of_the_end(event if happened else "", process.returncode, out)
        self._mend(event, host)
        repeated = self._next_run(name, faults)
        what = event if happened else "nothing"
        return Round(
            what, host.name, moment, there or 0, everywhere or 0, tuple(repeated), tuple(faults)
        )

    def _moment(self) -> Moment:
        """Draw a moment: a while after the start, or soon after a step started or ended."""
        if self._random.random() < 0.25:
            return Moment(0, self._random.uniform(0, 1))
        return Moment(self._random.randrange(1, _LINES), self._random.choice((0.0, 0.02, 0.1)))

    def _wait_for(self, moment: Moment, process: "subprocess.Popen[str]") -> None:
        while process.poll() is None and len(self._lines()) < moment.event:
            time.sleep(0.005)
        time.sleep(moment.seconds)

    # -- what happens ------------------------------------------------------------------------------

    def _let_happen(self, event: str, process: "subprocess.Popen[str]", host: SshdHost) -> bool:
        """Let it happen, now or once there is what it happens to; return whether it did."""
        if event in ("lost", "cut"):
            is_running = process.poll() is None
            host.kill() if event == "lost" else host.set_link("down")
            return is_running
        number = _SIGNALS.get(event, signal.SIGKILL)
        while process.poll() is None:
            for pid in self._victims(event, process.pid, host):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                    return True
            time.sleep(0.005)
        return False

    def _victims(self, event: str, pid: int, host: SshdHost) -> list[int]:
        if event in ("main", *_SIGNALS):
            return [one for one in _children(pid) if b"doit" in _command(one)]
        if event == "ssh":
            ours = self._living(["controller"])
            return [
                one
                for one in ours
                if _command(one).startswith(b"ssh\0")
                and host.name.encode() in _command(one).split(b"\0")
            ]
        if event == "link":
            return [_parent(one) for one in self._victims("ssh", pid, host)]
        agents = [
            one
            for one in self._living([host.name])
            if b"base64" in _command(one) and not _command(one).startswith(b"sh\0")
        ]
        if event == "agent":
            return agents
        if event == "sshd":
            return [_parent(one) for one in agents if "sshd" in read(f"/proc/{_parent(one)}/comm")]
        return [one for agent in agents for one in _children(agent)]

    def _mend(self, event: str, host: SshdHost) -> None:
        if event == "lost":
            host.start()
        if event == "cut":
            host.set_link("up")

    # -- what it leaves ----------------------------------------------------------------------------

    def _living(self, names: list[str]) -> list[int]:
        """Return the processes of the runs on some hosts; those of nsenter are nobody's."""
        spaces = {_namespace(host.init) for name in names if (host := self._hosts[name]).is_up}
        return [pid for pid in marked(self._mark) if _namespace(pid) in spaces]

    def _seconds_there(self, event: str, host: SshdHost) -> float | None:
        """Return how long processes live where nobody may stop them any more."""
        alone = [*NAMES] if event in ("main", *_SIGNALS) else [host.name]
        if event in _SIGNALS:
            return 0.0  # the run ends in its own time
        return self._seconds_until_none(PATIENCE, alone)

    def _seconds_until_none(self, patience: float, names: list[str]) -> float | None:
        began = time.monotonic()
        while time.monotonic() - began < patience:
            if not self._living(names):
                return time.monotonic() - began
            time.sleep(0.02)
        return None

    def _end_of(self, process: "subprocess.Popen[str]") -> tuple[list[str], str]:
        try:
            return [], process.communicate(timeout=HANG)[0]
        except subprocess.TimeoutExpired:
            pass
        everyone = [*self._hosts]
        faults = [f"does not end: {described(self._living(everyone))}"]
        for pid in self._living(everyone):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return faults, process.communicate()[0]

    def _faults_of_the_end(self, event: str, code: int, out: str) -> Iterator[str]:
        if "Traceback" in out:
            yield f"traceback:\n{out}"
        wanted = {
            "main": {-signal.SIGKILL, 0, 1},
            "interrupt": {130, 0, 1},
            "terminate": {143, -signal.SIGTERM, 0, 1},  # early, Python itself ends
            "": {0},
        }
        if code not in wanted.get(event, {0, 1}):
            yield f"exit code {code}:\n{out}"
        yield from self._started_twice(1)

    def _started_twice(self, attempt: int) -> Iterator[str]:
        starts = Counter(
            one for what, one, _, when in self._lines() if (what, when) == ("start", str(attempt))
        )
        yield from (
            f"{one} started {count} times in run {attempt}"
            for one, count in starts.items()
            if count > 1
        )

    def _next_run(self, name: str, faults: list[str]) -> list[str]:
        """Run it again, add its faults to `faults`, and return the steps that it repeated."""
        ended = {one: float(when) for what, one, when, _ in self._lines() if what == "end"}
        last = max((float(when) for _, _, when, _ in self._lines()), default=0.0)
        self._configure(name, 2)
        outcome = self._stack.run("stack", timeout=HANG)
        if outcome.code:
            faults.append(f"the next run ended with {outcome.code}:\n{outcome.out}")
        if self._seconds_until_none(SECONDS, [*self._hosts]) is None:
            faults.append(f"after the next run: {described(self._living([*self._hosts]))}")
        faults += self._started_twice(2)
        done = {one for what, one, _, _ in self._lines() if what == "end"}
        everything = {one for steps in STEPS.values() for one in steps}
        if not outcome.code and done != everything:
            faults.append(f"success without {everything - done}:\n{outcome.out}")
        again = {one for what, one, _, when in self._lines() if (what, when) == ("start", "2")}
        faults += [
            f"{one} had ended {last - ended[one]:.1f} s before, and was repeated"
            for one in sorted(again & ended.keys())
            if last - ended[one] > _SAVED
        ]
        return sorted(again & ended.keys())

    def _lines(self) -> list[list[str]]:
        return [line.split() for line in read(str(self._told)).splitlines()]


@contextmanager
def made(top: Path, seed: int) -> Iterator[Campaign]:
    """Make the hosts and the stack of a campaign below `top`."""
    mark = uuid.uuid4().hex
    with sshd_hosts(top, "controller", *NAMES, TEST_MARK=mark) as hosts:
        environ = clean_environment(**user_caches(), TEST_MARK=mark)
        stack = StackDir(top / "stack", {"extras.d/50-demo.py": plugin(_PLAN)}, environ)
        yield Campaign(hosts["controller"].take(stack), hosts, mark, seed)


def _children(pid: int) -> list[int]:
    return [*map(int, read(f"/proc/{pid}/task/{pid}/children").split())]


def _parent(pid: int) -> int:
    return int(read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1])


def _command(pid: int) -> bytes:
    return read(f"/proc/{pid}/cmdline").encode(errors="replace")


def _namespace(pid: int) -> str:
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid")
    return ""
