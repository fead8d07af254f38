"""The first image of a cloud with guests: DevStack's cirros or, without a network, our own."""

from collections.abc import Iterator
from functools import partial

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl
from doitstack.cloud import cloud
from doitstack.uptodate import Unchanged
from doitstack_plugins.backing import debian_packages, mariadb
from doitstack_plugins.guest_image import cache

services = ("n-cpu",)

NAME = "debian-tiny"
"""The name of the image in glance."""


@hookimpl
def source(settings: Settings) -> None:
    """Set the name of the image that scripts boot."""
    if settings.is_service_enabled("n-cpu") and settings.get("VIRT_DRIVER") == "libvirt":
        settings.default("DEFAULT_IMAGE_NAME", NAME)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Make the image in the background: a probe of KVM boots it, too."""
    if debian_packages.has_guests(stack):
        yield async_run("make_guest_image", make_guest_image, wait=[debian_packages.FUTURE])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Upload the image."""
    if debian_packages.has_guests(stack):
        yield async_wait("make_guest_image")
    if is_uploaded(stack):
        good = Unchanged(partial(made_from, stack))
        yield async_run("upload_guest_image", upload, wait=["start_glance"], uptodate=[good])


def is_uploaded(stack: Stack) -> bool:
    """Return whether the image gets into glance, which is on the controller alone."""
    return debian_packages.has_guests(stack) and stack.is_service_enabled("g-api")


def make_guest_image(stack: Stack) -> None:
    """Make the image unless the cache has it."""
    stack.say(f"the image for guests is in {cache.make(stack)}")


def made_from(stack: Stack) -> str:
    """Return what the image in glance was made from."""
    return f"{cache.generation()} {mariadb.schema_key(stack, 'glance')}"


def upload(stack: Stack) -> None:
    """Put the image into glance, in place of an older one."""
    with cloud(stack) as connection, stack.timed("osc"):
        for old in list(connection.image.images(name=NAME)):
            connection.image.delete_image(old)
        with (cache.directory(stack) / cache.DISK).open("rb") as disk:
            connection.image.create_image(
                NAME,
                data=disk,
                disk_format="qcow2",
                container_format="bare",
                visibility="public",
                hw_rng_model="virtio",
                wait=True,
            )
