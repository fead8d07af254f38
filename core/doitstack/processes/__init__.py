"""Programs, process trees, signals and the event loop. Knows nothing of stacks."""
