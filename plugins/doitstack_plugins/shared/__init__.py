"""Modules that several services use."""
