"""Resource limits as the kernel prints them."""

import resource

_LIMITS = {
    "Max cpu time": resource.RLIMIT_CPU,
    "Max file size": resource.RLIMIT_FSIZE,
    "Max data size": resource.RLIMIT_DATA,
    "Max stack size": resource.RLIMIT_STACK,
    "Max core file size": resource.RLIMIT_CORE,
    "Max resident set": resource.RLIMIT_RSS,
    "Max processes": resource.RLIMIT_NPROC,
    "Max open files": resource.RLIMIT_NOFILE,
    "Max locked memory": resource.RLIMIT_MEMLOCK,
    "Max address space": resource.RLIMIT_AS,
    "Max pending signals": resource.RLIMIT_SIGPENDING,
    "Max msgqueue size": resource.RLIMIT_MSGQUEUE,
    "Max nice priority": resource.RLIMIT_NICE,
    "Max realtime priority": resource.RLIMIT_RTPRIO,
}
"""The lines of /proc/PID/limits that can be set."""


def limits(text: str) -> dict[int, tuple[int, int]]:
    """Return the soft and hard limits in /proc/PID/limits by their numbers in `resource`."""
    found = {}
    for line in text.splitlines():
        number = _LIMITS.get(line[:26].rstrip())
        if number is not None:
            soft, hard = (
                resource.RLIM_INFINITY if word == "unlimited" else int(word)
                for word in line[26:].split()[:2]
            )
            found[number] = (soft, hard)
    return found
