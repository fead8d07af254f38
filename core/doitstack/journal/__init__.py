"""The events of a run, written as they happen, and what can be computed from them."""
