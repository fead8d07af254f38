"""Tempest, dispatched as by DevStack's 80-tempest.sh: installed in the background."""

import shlex
from collections.abc import Iterator, Sequence
from functools import partial

from doitstack import Stack, Step, async_run, async_wait, hookimpl, run, shell
from doitstack.uptodate import Unchanged
from doitstack.venvs import Environment
from doitstack_plugins.shared import venvs
from doitstack_plugins.shared.required_services import check
from doitstack_plugins.tempest import (
    check_expressions,
    clean_tempest,
    configure_tempest,
    environment,
    install_tempest,
    is_installed,
    plugins,
    run_tempest,
)

services = ("tempest",)


def environments(stack: Stack) -> list[Environment]:
    """Return the environment of tempest, for lists that say where code is from."""
    return [environment(stack)]


def check_arguments(task: str, words: Sequence[str]) -> None:
    """Refuse what `doit tempest` would refuse, before a stack runs."""
    check_expressions(words)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that there is a Keystone to test."""
    yield run(check, "tempest", "key", name="check_tempest", only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install tempest while the services are stood up."""
    yield async_run(
        "install_tempest",
        install_tempest,
        wait=venvs.installs_after(stack),
        uptodate=[partial(is_installed, stack)],
    )


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Configure tempest for the finished stack."""
    yield async_wait("install_tempest")
    yield run(configure_tempest)
    if words := plugins(stack.settings):
        name, good = "install_tempest_plugins", Unchanged(partial(shlex.join, words))
        yield run(shell(f"pip_install {shlex.join(words)}"), name=name, uptodate=[good])


@hookimpl
def tasks(stack: Stack) -> Iterator[Step]:
    """Offer `doit tempest`."""
    yield run(run_tempest, name="tempest")


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what tempest made."""
    yield run(clean_tempest)
