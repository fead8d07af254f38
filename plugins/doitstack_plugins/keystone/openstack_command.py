"""The `openstack` command, served by a fork server: its imports, and what its calls read."""

from dataclasses import replace

from doitstack import Stack
from doitstack.source_trees import SERVICES
from doitstack.venvs import Environment
from doitstack.warm import Program, offer, put
from doitstack_plugins.shared import venvs

NAME = "openstack"

_APIS = {
    "key": ("openstackclient.identity.v3.*", "openstack.identity.v3._proxy"),
    "glance": ("openstackclient.image.v2.*", "openstack.image.v2._proxy"),
    "nova": ("openstackclient.compute.v2.*", "openstack.compute.v2._proxy"),
    "neutron": ("openstackclient.network.v2.*", "openstack.network.v2._proxy"),
    "cinder": ("openstackclient.volume.v3.*", "openstack.block_storage.v3._proxy"),
    "placement": ("osc_placement.resources.*",),
}
"""The commands and the SDK's part of each service's API."""

# Each takes a fraction of a second: which package each module is from, for the help; the plugins.
_SETUP = """
from cliff import command
from stevedore import _cache, extension
command._get_distributions_by_modules()
for group in _cache._c._get_data_for_path(None)["groups"]:
    if group.startswith("openstack."):
        found = _cache.get_group_all(group)
        extension.ExtensionManager.ENTRY_POINT_CACHE.setdefault(group, found)
"""


def program(stack: Stack, environment: Environment) -> Program:
    """Return the command as the environment has it, for the services that are enabled."""
    # It is in keystone's environment, but does not use keystone.
    trees = tuple(tree for tree in environment.trees if tree.project not in SERVICES)
    apis = [names for service, names in _APIS.items() if stack.is_service_enabled(service)]
    return Program(
        replace(environment, trees=trees),
        NAME,
        preload=(
            *("openstackclient.shell", "openstackclient.common.*", "openstack.connection"),
            *("dogpile.cache.backends.null", "netrc"),
            *(name for names in apis for name in names),
        ),
        setup=_SETUP,
        rehearsals=(("configuration", "show", "-f", "json"), ("help", "project", "list")),
        # Where clouds.yaml is looked for, and what shows long texts.
        fresh=("openstack.config.loader", "autopage"),
        # They read the environment during import, but nothing of it shows in a command: the entry
        # points have been read already, and only processes that are spawned start in a directory.
        indifferent=(
            *("cmd2.cmd2", "multiprocessing.process", "psutil._common", "rich", "stevedore._cache"),
        ),
        paths=(str(venvs.shared_site_packages(stack)),),
        env=tuple(venvs.environ(stack).items()),
    )


def put_openstack(stack: Stack, environment: Environment) -> None:
    """Put the command first in PATH."""
    put(stack, program(stack, environment))


def warm_openstack(stack: Stack, environment: Environment) -> None:
    """Start its fork server, which also finds what scripts have installed."""
    venvs.see_shared_packages(stack, environment)
    offer(stack, program(stack, environment), wait=True)
