"""Programs, process trees, signals and the event loop, independent of stacks."""
