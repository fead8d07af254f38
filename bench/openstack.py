"""The `openstack` command by its fork server and the plain one: one call, two in parallel.

Usage: python bench/openstack.py DEST [CALLS]

DEST is that of a running stack. It should not be below /tmp: there the plain command does not cache
its entry points, which would make it slower.
"""

import os
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

COMMAND = ("--os-cloud", "devstack-admin", "project", "list", "-f", "value")


def call(program: str, env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([program, *COMMAND], env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def cpu(dest: Path) -> float:
    """Return the CPU time of our children, the server and its children, in s."""
    with socket.socket(socket.AF_UNIX) as client:
        directory = os.open(dest / "warm", os.O_PATH)
        client.connect(f"/proc/self/fd/{directory}/openstack.sock")
        client.recv(1)  # a server logs clients that leave without reading it
        os.close(directory)
        pid = struct.unpack("iii", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    served = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    ours = os.times()
    return ours.children_user + ours.children_system + served


def two_at_a_time(program: str, env: dict[str, str], calls: int) -> float:
    """Return the number of calls per second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: call(program, env), range(calls)))
    return calls / (time.perf_counter() - began)


def over(times: list[float], others: list[float]) -> float:
    """Return the median of the ratios of all rounds, since the load varies between rounds."""
    return median(a / b for a, b in zip(times, others, strict=True))


def main(dest: Path, calls: int) -> None:
    env = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(dest / "clouds.yaml")}
    programs = {
        "warm": str(dest / "bin" / "openstack"),
        "plain": str(dest / "venvs" / "keystone" / "bin" / "openstack"),
    }
    single: dict[str, list[float]] = {name: [] for name in programs}
    work = dict.fromkeys(programs, 0.0)
    for _ in range(calls):
        for name, program in programs.items():  # in turn, so that load affects both
            before = cpu(dest)
            single[name].append(call(program, env))
            work[name] += (cpu(dest) - before) / calls
    rates: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range((calls + 3) // 4):
        for name, program in programs.items():
            rates[name].append(two_at_a_time(program, env, 8))
    print(f"{'':8}{'a call, s':>12}{'best, s':>12}{'CPU, s':>12}{'calls/s, two at a time':>26}")
    for name, times in single.items():
        print(
            f"{name:8}{median(times):12.3f}{min(times):12.3f}{work[name]:12.3f}{median(rates[name]):26.2f}"
        )
    ratio = over(single["plain"], single["warm"])
    best = min(single["plain"]) / min(single["warm"])
    served, spent = over(rates["warm"], rates["plain"]), work["plain"] / work["warm"]
    print(f"{'ratio':8}{ratio:12.1f}{best:12.1f}{spent:12.1f}{served:26.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
