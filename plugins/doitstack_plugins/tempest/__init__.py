"""Tempest."""
