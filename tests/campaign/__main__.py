"""Run a campaign; see docs/reliability.md."""

import argparse
import os
import signal
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tests.campaign import (
    clock,
    damage,
    failing_calls,
    host_kills,
    inputs,
    kills,
    long,
    power_loss,
    process_limit,
    resources,
    signals,
)
from tests.conftest import StackDir, clean_environment
from tests.integration.probes import is_dead, marked

Options = argparse.Namespace
Round = TypeVar("Round")
MakeStack = Callable[..., tuple[StackDir, str]]
"""Makes a stack directory with these files; also returns the mark of its processes."""


def main() -> int:
    """Print each fault, then the figures; return 1 if there was a fault."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as directory:

        def make(files: dict[str, str], name: str = "stack") -> tuple[StackDir, str]:
            environ = clean_environment(ENABLED_SERVICES=",", TEST_MARK=mark)
            return StackDir(Path(directory) / name, files, environ), mark

        try:
            faults: int = options.run(options, make)
        finally:
            _end_left(mark)
    _say(f"{faults} faults")
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign")
    parser.add_argument("--seed", type=int, default=1)
    which = parser.add_subparsers(required=True, metavar="CAMPAIGN")

    def campaign(run: Callable[[Options, MakeStack], int], name: str, about: str) -> None:
        one = which.add_parser(name, help=about)
        one.set_defaults(run=run)
        for option, default, text in _OPTIONS[name]:
            one.add_argument(option, type=type(default), default=default, help=text)

    campaign(_kills, "kills", "kill parts of a run")
    campaign(_hosts, "hosts", "kill parts of a run over two hosts; needs root and sshd")
    campaign(_signals, "signals", "send storms of signals to a run in a terminal")
    campaign(_resources, "resources", "let system calls of a run fail, one after the other")
    campaign(_processes, "processes", "run as a user who may have few processes; needs root")
    campaign(_clock, "clock", "set the clock during runs; needs a C compiler")
    campaign(_power_loss, "power-loss", "open what a crash of the machine may leave of a run")
    campaign(_damage, "damage", "put something else in the place of a file of a stack")
    campaign(_inputs, "inputs", "feed what reads files, pipes and sockets")
    campaign(_long, "long", "stack and unstack many times")
    return parser


_OPTIONS: dict[str, list[tuple[str, int | str, str]]] = {
    "kills": [
        ("--rounds", 500, "how many of each plan"),
        ("--plans", "futures,builds,services", "the names of some plans"),
    ],
    "hosts": [("--rounds", 200, "how many")],
    "signals": [("--rounds", 200, "how many")],
    "resources": [
        ("--kinds", ",".join(failing_calls.KINDS), "what the run lacks"),
        ("--step", 1, "of so many calls one fails, drawn by the seed; 0: one at each site"),
        ("--commands", "stack,-a stack,unstack,clean", "which commands"),
        ("--skip", 0, "how many of the calls to leave out, which were made before"),
    ],
    "processes": [("--most", 12, "from one process up to so many")],
    "damage": [("--rounds", 100, "how many")],
    "clock": [("--rounds", 100, "how many")],
    "power-loss": [
        ("--variants", 10, "states after each change"),
        ("--opened", 50, "how many of them doit itself opens"),
    ],
    "inputs": [
        ("--count", 100_000, "inputs for each target"),
        ("--target", "", "the names of some targets"),
        ("--keep", "", "a directory for the inputs that are faults"),
    ],
    "long": [
        ("--rounds", 2000, "how often to stack and unstack"),
        ("--plan", "futures", "which plan of `kills`"),
        ("--futures", 10_000, "how many futures are outstanding at once"),
    ],
}


def _kills(options: Options, make: MakeStack) -> int:
    return sum(_kills_of(name, options, make) for name in options.plans.split(","))


def _kills_of(name: str, options: Options, make: MakeStack) -> int:
    plan = kills.PLANS[name]()
    stack, mark = make(plan.files, name)
    killed: Counter[str] = Counter()
    faults, seconds = 0, [0.0]
    try:
        campaign = kills.Campaign(stack, mark, options.seed, plan)
        for number, one in enumerate(_until_told(campaign.rounds(options.rounds)), start=1):
            killed[" and ".join(sorted(one.victims)) or "nothing"] += 1
            seconds.append(one.seconds)
            where = f"{name}, round {number}: {one.command}, {one.victims} at {one.moment}"
            faults += _report(where, one.faults)
    finally:
        stack.run("unstack")
    _count(killed)
    late = sum(second > 1 for second in seconds)
    _say(f"{name}: all had ended after at most {max(seconds):.2f} s, {late} times after over 1 s")
    return faults


def _hosts(options: Options, _make: MakeStack) -> int:
    happened: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    faults, there, everywhere = 0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as top, host_kills.made(Path(top), options.seed) as campaign:
        for number, one in enumerate(_until_told(campaign.rounds(options.rounds))):
            happened[one.event] += 1
            repeated.update(f"{step} was repeated" for step in one.repeated)
            there, everywhere = max(there, one.there), max(everywhere, one.everywhere)
            where = f"round {number}: {one.event} of {one.host} at {one.moment}"
            faults += _report(where, one.faults)
    _count(happened)
    _count(repeated)
    _say(f"all had ended after {there:.2f} s where none could end it, {everywhere:.2f} s elsewhere")
    return faults


def _signals(options: Options, make: MakeStack) -> int:
    campaign = signals.Campaign(*make(kills.PLAN), options.seed)
    codes: Counter[str] = Counter()
    seconds, sent, faults = 0.0, 0, 0
    for number, one in enumerate(_until_told(campaign.storms(options.rounds)), start=1):
        codes[f"exit code {one.code}"] += 1
        sent += len(one.sent)
        seconds = max(seconds, one.seconds)
        faults += _report(f"round {number}: {one.sent} {one.is_ignoring}", one.faults)
    _count(codes)
    _say(f"{sent} signals; all had ended after at most {seconds:.2f} s")
    return faults


def _resources(options: Options, make: MakeStack) -> int:
    campaign = resources.Campaign(*make(resources.PLAN))
    commands = [tuple(one.split()) for one in options.commands.split(",")]
    kinds = options.kinds.split(",")
    rounds = campaign.rounds(kinds, options.step, options.seed, commands, options.skip)
    return _ends(rounds)


def _processes(options: Options, make: MakeStack) -> int:
    stack, _ = make(resources.PLAN)
    stack.path.parent.chmod(0o711)
    return _ends(process_limit.Campaign(stack).rounds(range(1, options.most + 1)))


def _ends(rounds: Iterable[resources.Round]) -> int:
    ends: Counter[str] = Counter()
    faults = 0
    for one in _until_told(rounds):
        ends[f"{one.kind}, doit {one.command}: exit code {one.code}"] += 1
        faults += _report(f"{one.kind}, doit {one.command}, {one.call}: {one.what}", one.faults)
    _count(ends)
    return faults


def _clock(options: Options, make: MakeStack) -> int:
    campaign = clock.Campaign(*make(kills.PLAN), options.seed)
    faults = jumps = 0
    for number, one in enumerate(_until_told(campaign.jumps(options.rounds)), start=1):
        jumps += len(one.jumps)
        faults += _report(f"round {number}: {one.jumps}", one.faults)
    _say(f"{jumps} jumps")
    return faults


def _damage(options: Options, make: MakeStack) -> int:
    plan = kills.PLANS["services"]()
    stack, mark = make(plan.files)
    faults = 0
    campaign = damage.Campaign(stack, mark, options.seed, plan)
    for one in _until_told(campaign.rounds(options.rounds)):
        faults += _report(f"{one.kind} for {one.place}", one.faults)
    return faults


def _power_loss(options: Options, make: MakeStack) -> int:
    campaign = power_loss.Campaign(make(power_loss.PLAN)[0], options.seed)
    result = campaign.run(options.variants, options.opened)
    _say(f"{result.changes} changes, {result.states} states, {result.opened} opened by doit")
    for fault, change in result.faults.items():
        _report(f"after change {change}", [fault])
    return len(result.faults)


def _inputs(options: Options, _make: MakeStack) -> int:
    names = [name for name in options.target.split(",") if name]
    faults = 0
    for one in inputs.results(options.count, options.seed, names):
        faults += _report(one.target, [fault.text for fault in one.kinds])
        _say(f"{one.target}: {one.count} inputs, {one.faults} faults, {one.seconds:.1f} s CPU")
        if options.keep:
            one.keep(Path(options.keep))
    return faults


def _long(options: Options, make: MakeStack) -> int:
    plan = kills.PLANS[options.plan]()
    stack, mark = make(plan.files)
    plan.prepare(stack)
    faults = 0
    for rounds, growth in long.growth(stack, options.rounds):
        grown = (f"{what} {before:g} to {now:g}" for what, (before, now) in growth.items())
        _say(f"{rounds} rounds: {', '.join(grown)}")
        faults += _report(f"{rounds} rounds", [*long.faults(growth, mark)])
    if not options.futures:
        return faults
    crowd = long.crowd(stack, options.futures)
    _say(f"{options.futures} futures: {crowd}")
    return faults + _report("many futures", crowd.faults)


def _end_left(mark: str) -> None:
    """End what runs when the campaign is told to end."""
    while left := [pid for pid in marked(mark) if not is_dead(pid)]:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _until_told(rounds: Iterable[Round]) -> Iterator[Round]:
    """Yield rounds until SIGINT or SIGTERM comes: the figures so far are told then, too."""
    number = 0
    try:
        for one in rounds:
            number += 1
            yield one
    except KeyboardInterrupt:
        _say(f"ended after {number} rounds")


def _report(where: str, faults: "list[str] | tuple[str, ...]") -> int:
    for fault in faults:
        _say(f"{where}: {fault}")
    return len(faults)


def _count(figures: Counter[str]) -> None:
    for name, count in figures.most_common():
        _say(f"{count:5} times {name}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
