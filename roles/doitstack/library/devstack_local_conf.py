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
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _plugins(plugins: Mapping[str, Any]) -> Iterator[str]:
    # doitstack decides their order, since it knows their requirements.
    for name, place in sorted(plugins.items()):
        if place:
            yield f"enable_plugin {name} {_text(place, f'devstack_plugins.{name}')}"


def _services(base: Sequence[str] | None, services: Mapping[str, Any]) -> Iterator[str]:
    if services.get("base") is False:
        yield "disable_all_services"
    elif base:
        yield f"ENABLED_SERVICES={','.join(base)}"
    for name, is_wanted in services.items():
        if name != "base" and isinstance(is_wanted, bool):
            yield f"{'enable' if is_wanted else 'disable'}_service {name}"


def _libraries(projects: Mapping[str, Any], project: Mapping[str, Any]) -> list[str]:
    """Return the projects that are under test, by their short names."""
    required = [one["short_name"] for one in projects.values() if one.get("required")]
    return list(dict.fromkeys([*required, *([project["short_name"]] if project else [])]))


def _variables(localrc: Mapping[str, Any], libraries: Iterable[str]) -> Iterator[str]:
    values = {name: _text(value, f"devstack_localrc.{name}") for name, value in localrc.items()}
    for name in values:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise MistakeError(f"devstack_localrc.{name}: not a valid name of a variable")
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


def _meta_sections(local_conf: Mapping[str, Any]) -> Iterator[str]:
    for phase, files in local_conf.items():
        for file, sections in _mapping(files, f"devstack_local_conf.{phase}").items():
            yield f"[[{phase}|{file}]]"
            where = f"devstack_local_conf.{phase}.{file}"
            for section, entries in _mapping(sections, where).items():
                yield f"[{section}]"
                for key, value in _mapping(entries, f"{where}.{section}").items():
                    text = _text(value, f"{where}.{section}.{key}")
                    if "\n" in text:
                        raise MistakeError(f"{where}.{section}.{key}: a value must be one line")
                    yield f"{key} = {text}".rstrip()
                yield ""


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MistakeError(f"{where}: must be a dictionary")
    return value


def _text(value: Any, where: str) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise MistakeError(f"{where}: must be text, not a {type(value).__name__}")
    return "" if value is None else str(value)


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


_NESTED = ("localrc", "local_conf", "services", "plugins", "projects", "project")

if __name__ == "__main__":
    main()
