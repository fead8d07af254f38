"""The former name of `shared.venvs`, which drop-ins of earlier stack directories import."""

from doitstack_plugins.shared.venvs import installs_after as first

__all__ = ["first"]
