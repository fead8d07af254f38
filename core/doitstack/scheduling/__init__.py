"""Decides what may start; simulates runs. Without doit, files, processes and clocks."""
