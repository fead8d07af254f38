"""Fetch the plugin repositories of a stack directory before its plan is made."""

import sys

from doit.exceptions import InvalidDodoFile

from doitstack.config import dest_directory, dest_lock
from doitstack.errors import DoitstackError
from doitstack.planning.plugin_repositories import fetch
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.signals import Interrupted, on_interrupt


def fetch_plugins(directory: StackDirectory) -> None:
    """Clone the plugin repositories that do not exist yet. Raises Interrupted on a signal."""
    repositories = directory.settings.local.plugins
    if not repositories:
        return
    try:
        dest_directory.claim(directory.settings)
        with dest_lock.held(directory.stack.dest), on_interrupt(_raise):
            for line in fetch(repositories, directory.settings):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    except DoitstackError as error:
        raise InvalidDodoFile(str(error)) from error


def _raise(signalled: Interrupted) -> None:
    raise signalled
