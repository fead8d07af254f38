"""Libvirt: what guests need, its private daemon, and the end of it all."""

from collections.abc import Iterator, Mapping
from functools import partial

from doitstack import Settings, Stack, Step, async_run, hookimpl, run
from doitstack.config.settings import SettingCheck
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.libvirt import daemon, needs, node, virt_type
from doitstack_plugins.shared.required_services import check_all

services = ("n-cpu",)
checked_settings: Mapping[str, SettingCheck] = {"LIBVIRT_TYPE": virt_type.check_setting}


@hookimpl
def source(settings: Settings) -> None:
    """Set DevStack's defaults; an empty LIBVIRT_TYPE stands for what is found to work."""
    for name in ("LIBVIRT_TYPE", "LIBVIRT_CPU_MODE", "LIBVIRT_CPU_MODEL"):
        settings.default(name, "")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that guests can run here."""
    if debian_packages.has_guests(stack):
        yield run(check_libvirt, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Start libvirt as soon as its packages are there, and see whether KVM is of use."""
    if debian_packages.has_guests(stack):
        yield async_run("start_libvirt", start_libvirt, wait=[debian_packages.FUTURE])
        waits, note = ["make_guest_image"], virt_type.note(stack)
        yield async_run("choose_virt_type", choose_virt_type, wait=waits, note=note)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Kill the guests and whatever else is in the node, also what a killed run has left."""
    yield run(stop_libvirt)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove libvirt's files."""
    yield run(clean_libvirt)


def check_libvirt(stack: Stack) -> None:
    """Raise an error that names all that guests lack here."""
    check_all(*(partial(check, stack) for check in needs.CHECKS))


def start_libvirt(stack: Stack) -> None:
    """Start libvirt in the node."""
    daemon.start(stack)


def choose_virt_type(stack: Stack) -> None:
    """Find out whether guests run by KVM or by QEMU alone."""
    virt_type.choose(stack)


def stop_libvirt(stack: Stack) -> None:
    """Stop libvirt and its guests."""
    daemon.stop(stack)
    node.stop(stack)


def clean_libvirt(stack: Stack) -> None:
    """Remove libvirt's files."""
    node.remove(stack)
