"""Processes that a stack keeps running, under a supervisor of its own."""
