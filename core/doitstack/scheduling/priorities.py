"""The urgency of tasks: the length of the longest chain of work that begins with each."""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter


def remaining_paths(
    needs: Mapping[str, Iterable[str]], seconds: Mapping[str, float]
) -> dict[str, float]:
    """Return how long (s) the longest chain of tasks is that begins with each: its rank.

    A task that is not in `seconds` counts as 0 s. Raises graphlib.CycleError.
    """
    remaining = dict.fromkeys(needs, 0.0)
    graph = {name: [need for need in wanted if need in needs] for name, wanted in needs.items()}
    for name in reversed(list(TopologicalSorter(graph).static_order())):
        remaining[name] += seconds.get(name, 0.0)
        for need in graph[name]:
            remaining[need] = max(remaining[need], remaining[name])
    return remaining
