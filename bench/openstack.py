"""The `openstack` command kept warm beside the plain one: a call, and two at a time.

Usage: python bench/openstack.py DEST [CALLS]

DEST is that of a stack that is up. It should not be below /tmp: there the plain command reads its
entry points anew each time, which would flatter us.
"""

import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COMMAND = ("--os-cloud", "devstack-admin", "project", "list", "-f", "value")


def call(program: str, env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([program, *COMMAND], env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def two_at_a_time(program: str, env: dict[str, str], calls: int) -> float:
    """Return the calls that are done in a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: call(program, env), range(calls)))
    return calls / (time.perf_counter() - began)


def main(dest: Path, calls: int) -> None:
    env = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(dest / "clouds.yaml")}
    programs = {
        "warm": str(dest / "bin" / "openstack"),
        "plain": str(dest / "venvs" / "keystone" / "bin" / "openstack"),
    }
    single: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(calls):
        for name, program in programs.items():  # side by side, so that load hits both
            single[name].append(call(program, env))
    rates = {name: two_at_a_time(program, env, 2 * calls) for name, program in programs.items()}
    print(f"{'':8}{'a call, s':>12}{'best, s':>12}{'calls/s, two at a time':>26}")
    for name, times in single.items():
        print(f"{name:8}{statistics.median(times):12.3f}{min(times):12.3f}{rates[name]:26.2f}")
    ratio = statistics.median(single["plain"]) / statistics.median(single["warm"])
    best = min(single["plain"]) / min(single["warm"])
    print(f"{'ratio':8}{ratio:12.1f}{best:12.1f}{rates['warm'] / rates['plain']:26.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
