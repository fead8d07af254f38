"""The files with which users access the cloud: `$DEST/clouds.yaml` and `$DEST/openrc`."""

import shlex
from pathlib import Path
from typing import Any, NamedTuple

from doitstack import Stack
from doitstack.cloud import ADMIN_PASSWORD, DEFAULT_DOMAIN
from doitstack.config.addresses import socket_host
from doitstack.private_files import write_private


class Persona(NamedTuple):
    """A user on a project, or on the whole system where `project` is empty."""

    user: str
    project: str = ""


CLOUDS = {
    "devstack": Persona("demo", "demo"),
    "devstack-admin": Persona("admin", "admin"),
    "devstack-admin-demo": Persona("admin", "demo"),
    "devstack-demo-reader": Persona("demo_reader", "demo"),
    "devstack-alt": Persona("alt_demo", "alt_demo"),
    "devstack-alt-admin": Persona("alt_demo", "alt_demo"),
    "devstack-alt-member": Persona("alt_demo_member", "alt_demo"),
    "devstack-alt-reader": Persona("alt_demo_reader", "alt_demo"),
    "devstack-system-admin": Persona("admin"),
    "devstack-system-member": Persona("system_member"),
    "devstack-system-reader": Persona("system_reader"),
}
"""DevStack's clouds, by name."""

_OPENRC = """\
# Reach this cloud from a shell: source {openrc} [user] [project]
# The openstack command is in {bin}, which goes first in PATH.
export OS_AUTH_TYPE=password
export OS_AUTH_URL={auth_url}
export OS_IDENTITY_API_VERSION=3
export OS_REGION_NAME={region}
export OS_USER_DOMAIN_ID={domain}
export OS_PROJECT_DOMAIN_ID={domain}
export OS_USERNAME="${{1:-${{OS_USERNAME:-demo}}}}"
export OS_PROJECT_NAME="${{2:-${{OS_PROJECT_NAME:-demo}}}}"
export OS_PASSWORD={password}
unset OS_CLOUD OS_SYSTEM_SCOPE
case ",${{no_proxy:=${{NO_PROXY-}}}}," in
    *,{host},*) ;;
    *) no_proxy="${{no_proxy:+$no_proxy,}}"{host} ;;
esac
export no_proxy
case ":$PATH:" in
    :{bin}:*) ;;
    *) PATH={bin}:"$PATH" ;;
esac
"""


def clouds_yaml(stack: Stack) -> Path:
    """Return the path of the clouds.yaml of this stack."""
    return stack.dest / "clouds.yaml"


def openrc(stack: Stack) -> Path:
    """Return the path of the file to source."""
    return stack.dest / "openrc"


def write_clouds(stack: Stack) -> None:
    """Write clouds.yaml and openrc (0600)."""
    import yaml  # noqa: PLC0415 - not for every `doit list`

    password = stack.password(ADMIN_PASSWORD)
    url, region = stack.settings["KEYSTONE_SERVICE_URI"], stack.settings["REGION_NAME"]
    clouds = {name: _cloud(persona, url, region, password) for name, persona in CLOUDS.items()}
    write_private(clouds_yaml(stack), yaml.safe_dump({"clouds": clouds}, sort_keys=False))
    write_private(openrc(stack), _openrc(stack, password))


def _cloud(persona: Persona, url: str, region: str, password: str) -> dict[str, Any]:
    auth = {"auth_url": url, "username": persona.user, "password": password}
    auth["user_domain_id"] = DEFAULT_DOMAIN
    if persona.project:
        auth.update(project_name=persona.project, project_domain_id=DEFAULT_DOMAIN)
    else:
        auth["system_scope"] = "all"
    return {"region_name": region, "identity_api_version": "3", "interface": "public", "auth": auth}


def _openrc(stack: Stack, password: str) -> str:
    return _OPENRC.format(
        openrc=openrc(stack),
        bin=shlex.quote(str(stack.dest / "bin")),
        auth_url=shlex.quote(stack.settings["KEYSTONE_SERVICE_URI"]),
        host=shlex.quote(socket_host(stack.settings["KEYSTONE_SERVICE_HOST"])),
        region=shlex.quote(stack.settings["REGION_NAME"]),
        domain=DEFAULT_DOMAIN,
        password=shlex.quote(password),
    )
