#!/usr/bin/python
"""Ansible module: write a local.conf from the variables that DevStack's roles take."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DOCUMENTATION = """
module: devstack_local_conf
short_description: write a local.conf
description:
  - Writes DevStack's local.conf from nested data.
  - Error messages name variables, never their values.
options:
  path:
    description: The file. It is private (0600) unless mode says otherwise.
    type: path
    required: true
  localrc:
    description:
      - Variables of the localrc section. Values are put in double quotes, so they may use variables
        and commands. A variable is written before those that use it.
    type: dict
    default: {}
  local_conf:
    description: Sections by phase, file and name, each with its keys and values.
    type: dict
    default: {}
  base_services:
    description: The initial ENABLED_SERVICES.
    type: list
    elements: str
  services:
    description:
      - Services to enable (true) or to disable (false). With base false, all other services are
        disabled first.
    type: dict
    default: {}
  plugins:
    description: The URL of each plugin's repository, optionally followed by a ref.
    type: dict
    default: {}
  projects:
    description: Zuul's projects; the required ones become LIBS_FROM_GIT, unless localrc sets it.
    type: dict
    default: {}
  project:
    description: Zuul's project under test, which is one of these.
    type: dict
    default: {}
  hosts:
    description:
      - What other hosts have in place of localrc, local_conf, base_services and services, under
        each of these by host. What a host has like this one is left out.
    type: dict
    default: {}
extends_documentation_fragment: [files]
author: doitstack
"""

EXAMPLES = """
- name: Write local.conf
  devstack_local_conf:
    path: /home/me/stack/local.conf
    localrc:
      ADMIN_PASSWORD: secret
      DATABASE_PASSWORD: $ADMIN_PASSWORD
    services:
      tempest: false
"""

RETURN = ""

_USED = re.compile(r"\$\{?(\w+)")

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
"""A value that is in double quotes already."""

_PART = re.compile(
    r"""
    \\. | \$\{ [^}]* \} | \$\( (?: [^()] | \([^()]*\) )* \) | `[^`]*`   # kept
    | (?P<special> ["\\] )                                               # escaped
    """,
    re.VERBOSE | re.DOTALL,
)
"""What is more than a literal character in double quotes."""


_NAMES = {
    "a plugin": r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "a service": r"-?[\w.-]+",
    "a variable": r"[A-Za-z_][A-Za-z0-9_]*",
    "a host": r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "a phase": r"[\w.-]+",
    "a file": r"[^\s|\[\]]+",
    "a section": r"[^\]\s](?:[^\]]*[^\]\s])?",
    "an option": r"[^\[\]#;=\s](?:[^=]*[^=\s])?",
}
"""What each kind of name may be, so that it is read as what it is."""


_OF_A_HOST = ("localrc", "local_conf", "base_services", "services")
"""What other hosts may have of their own."""


class MistakeError(Exception):
    """The data have a mistake. The message names the place and shows no value."""


def render(data: Mapping[str, Any]) -> str:
    """Return the text of a local.conf. Raises MistakeError."""
    lines = [
        "[[local|localrc]]",
        *_plugins(data["plugins"]),
        *_services(data["base_services"], data["services"]),
        *_variables(data["localrc"], _libraries(data["projects"], data["project"])),
        "",
        *_meta_sections(data["local_conf"]),
        *_hosts(data),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _hosts(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections of other hosts, in which their values differ."""
    given = _mapping(data.get("hosts", {}), "hosts")
    by_host = {key: _mapping(given.get(key, {}), f"hosts.{key}") for key in _OF_A_HOST}
    for name in sorted({name for hosts in by_host.values() for name in hosts}):
        own = {key: hosts.get(name) or data[key] for key, hosts in by_host.items()}
        yield f"[[local:{_checked(name, 'a host', 'hosts')}|localrc]]"
        services = ("base_services", "services")
        if any(own[key] != data[key] for key in services):
            yield from _services(*(own[key] for key in services))
        shared = data["localrc"]
        differing = {key: one for key, one in own["localrc"].items() if one != shared.get(key)}
        yield from _variables(differing, ())
        yield ""
        if own["local_conf"] != data["local_conf"]:
            yield from _meta_sections(own["local_conf"], f":{name}")


def _plugins(plugins: Mapping[str, Any]) -> Iterator[str]:
    # doitstack decides their order, since it knows their requirements.
    for name, place in sorted(plugins.items()):
        if place:
            where = f"devstack_plugins.{_checked(name, 'a plugin', 'devstack_plugins')}"
            yield f"enable_plugin {name} {_line(place, where)}"


def _services(base: Sequence[str] | None, services: Mapping[str, Any]) -> Iterator[str]:
    if services.get("base") is False:
        yield "disable_all_services"
    elif base:
        names = [_checked(name, "a service", "devstack_base_services") for name in base]
        yield f"ENABLED_SERVICES={','.join(names)}"
    for name, is_wanted in services.items():
        if name != "base" and isinstance(is_wanted, bool):
            _checked(name, "a service", "devstack_services")
            yield f"{'enable' if is_wanted else 'disable'}_service {name}"


def _libraries(projects: Mapping[str, Any], project: Mapping[str, Any]) -> list[str]:
    """Return the projects that are under test, by their short names."""
    named = {
        f"projects.{name}": _mapping(one, f"projects.{name}") for name, one in projects.items()
    }
    wanted = {where: one for where, one in named.items() if one.get("required")}
    if project:
        wanted["project"] = project
    names = [_checked(one.get("short_name"), "a service", where) for where, one in wanted.items()]
    return list(dict.fromkeys(names))


def _variables(localrc: Mapping[str, Any], libraries: Iterable[str]) -> Iterator[str]:
    values = {name: _text(value, f"devstack_localrc.{name}") for name, value in localrc.items()}
    for name, value in values.items():
        _checked(name, "a variable", "devstack_localrc")
        if re.search(r"(?m)^\[\[", value):
            raise MistakeError(f"devstack_localrc.{name}: a line must not begin with [[")
    for name in _in_order(values):
        yield f"{name}={_shell_word(values[name])}"
    if libraries and "LIBS_FROM_GIT" not in values:
        yield f"LIBS_FROM_GIT={','.join(libraries)}"


def _shell_word(text: str) -> str:
    """Return `text` in double quotes, as DevStack's role, unless it has them already."""
    if _QUOTED.fullmatch(text):
        return text
    inner = _PART.sub(lambda part: "\\" * bool(part["special"]) + part[0], text)
    return f'"{inner}"'


def _in_order(values: Mapping[str, str]) -> list[str]:
    """Return the names in alphabetical order, but each after those that its value uses."""
    ordered: list[str] = []

    def add(name: str, users: tuple[str, ...]) -> None:
        if name in users:
            cycle = " -> ".join((*users[users.index(name) :], name))
            raise MistakeError(f"devstack_localrc: variables use one another: {cycle}")
        for used in _USED.findall(values[name]):
            if used in values and used != name and used not in ordered:
                add(used, (*users, name))
        if name not in ordered:
            ordered.append(name)

    for name in sorted(values):
        add(name, ())
    return ordered


def _meta_sections(local_conf: Mapping[str, Any], host: str = "") -> Iterator[str]:
    for phase, files in local_conf.items():
        for file, sections in _mapping(files, f"devstack_local_conf.{phase}").items():
            where = f"devstack_local_conf.{phase}"
            group = f"{_checked(phase, 'a phase', where)}{host}"
            yield f"[[{group}|{_checked(file, 'a file', where)}]]"
            for section, entries in _mapping(sections, f"{where}.{file}").items():
                yield from _section(section, entries, f"{where}.{file}")


def _section(name: str, entries: Any, where: str) -> Iterator[str]:
    yield f"[{_checked(name, 'a section', where)}]"
    for key, value in _mapping(entries, f"{where}.{name}").items():
        _checked(key, "an option", f"{where}.{name}")
        yield f"{key} = {_line(value, f'{where}.{name}.{key}')}".rstrip()
    yield ""


def _checked(name: Any, kind: str, where: str) -> str:
    """Return a name if it is one of that kind."""
    if not isinstance(name, str) or not re.fullmatch(_NAMES[kind], name) or "\n" in name:
        raise MistakeError(f"{where}.{_shown(name)}: not a valid name of {kind}")
    return _text(name, where)


def _shown(name: Any) -> str:
    return str(name).encode("ascii", "backslashreplace").decode().replace("\n", "\\n")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MistakeError(f"{where}: must be a dictionary")
    return value


def _line(value: Any, where: str) -> str:
    text = _text(value, where)
    if "\n" in text:
        raise MistakeError(f"{where}: a value must be one line")
    return text


def _text(value: Any, where: str) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise MistakeError(f"{where}: must be text, not a {type(value).__name__}")
    text = "" if value is None else str(value)
    if re.search("[\0\r\ud800-\udfff]", text):
        raise MistakeError(f"{where}: has a NUL, a carriage return or half a character")
    return text


def main() -> None:
    """Run as an Ansible module."""
    from ansible.module_utils.basic import AnsibleModule  # noqa: PLC0415 - on the node

    nested = {name: {"type": "dict", "default": {}} for name in _NESTED}
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "base_services": {"type": "list", "elements": "str"},
            **nested,
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    try:
        text = render(module.params)
    except MistakeError as mistake:
        module.fail_json(msg=str(mistake))
    module.params["mode"] = module.params["mode"] or "0600"
    path = Path(module.params["path"])
    is_changed = not path.is_file() or path.read_text(encoding="utf-8") != text
    if is_changed and not module.check_mode:
        new = Path(module.tmpdir, "local.conf")
        new.touch(mode=0o600)
        new.write_text(text, encoding="utf-8")
        module.atomic_move(str(new), str(path))
    attributes = module.load_file_common_arguments(module.params)
    module.exit_json(changed=module.set_fs_attributes_if_different(attributes, is_changed))


_NESTED = ("localrc", "local_conf", "services", "plugins", "projects", "project", "hosts")

if __name__ == "__main__":
    main()
