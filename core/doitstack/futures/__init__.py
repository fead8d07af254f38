"""Futures: their start, their end, their files."""
