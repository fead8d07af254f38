"""The services of DevStack and its plugins that no plugin of doitstack has. Only data."""

from fnmatch import fnmatchcase
from typing import NamedTuple

_REGISTRY = "https://opendev.org/openstack"


class AbsentService(NamedTuple):
    """A service that doitstack does not have.

    `names` are shell patterns of its names in ENABLED_SERVICES. `instead` is what is there
    instead, or what to do. `plugins` are the plugins that have it.
    """

    names: tuple[str, ...]
    description: str
    instead: str = ""
    plugins: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """The replacement, or the plugin to enable."""
        if self.instead or not self.plugins:
            return self.instead
        name = self.plugins[0]
        return f"add to local.conf: enable_plugin {name} {_REGISTRY}/{name}"


def _of_plugin(plugin: str, description: str, *names: str) -> AbsentService:
    return AbsentService((plugin, *names), description, plugins=(plugin,))


_OVN = "networks here are OVN's: enable ovn-controller ovn-northd q-ovn-agent"
_OUTSIDE = "run such a tool yourself; doitstack shows CPU times in `doit timing`"
_OBSOLETE = "OpenStack no longer has it; remove it"

ABSENT = (
    AbsentService(
        ("postgresql",), "a database", "services use MySQL if mysql is enabled, else SQLite"
    ),
    AbsentService(("tls-proxy",), "TLS for the APIs", "all APIs are served as http"),
    AbsentService(("ldap",), "OpenLDAP for Keystone", "Keystone's users are in its database"),
    AbsentService(("zookeeper",), "a coordination service", "enable etcd3"),
    AbsentService(("qpid", "zeromq"), "a message broker", "enable rabbit"),
    AbsentService(
        ("dstat", "atop", "*_tracker", "tcpdump", "br-*-tcpdump", "br-*-flows"),
        "a monitor of the machine",
        _OUTSIDE,
    ),
    AbsentService(
        ("openstack-cli-server",), "DevStack's fast `openstack`", "doitstack has its own, always on"
    ),
    AbsentService(("keystone",), "a name of Keystone", "enable key"),
    AbsentService(("glance",), "a name of Glance", "enable g-api"),
    AbsentService(("placement",), "a name of Placement", "enable placement-api"),
    AbsentService(
        ("tempest",),
        "the tests of OpenStack",
        "to get its drop-in: python -m doitstack init .",
        ("tempest",),
    ),
    AbsentService(("g-reg", "g-registry"), "Glance's registry", _OBSOLETE),
    AbsentService(("g-api-r",), "Glance's API for other workers", "there is one g-api"),
    AbsentService(("s-container-sync",), "Swift's synchronisation with other clusters"),
    AbsentService(("s3api",), "Swift's S3 API"),
    AbsentService(
        ("n-spice", "n-xvnc", "n-cauth"), "a console proxy", "those here are n-novnc and n-sproxy"
    ),
    AbsentService(
        ("n-net", "n-cell", "n-cell-*", "n-obj", "n-crt", "n-vol"), "a service of Nova", _OBSOLETE
    ),
    AbsentService(
        (
            *("q-agt", "q-dhcp", "q-l3", "q-meta", "q-metering", "q-lbaas*", "q-fwaas*", "q-vpn"),
            *("neutron-agent", "neutron-*-agent", "neutron-dhcp", "neutron-l3", "neutron-metering"),
        ),
        "an agent of Neutron",
        _OVN,
    ),
    AbsentService(
        ("ovn-*", "ovs-*", "ovsdb-server", "q-ovn-*", "neutron-ovn-*"), "a part of OVN", _OVN
    ),
    AbsentService(
        (
            *("q-qos", "q-trunk", "q-log", "q-dns", "q-placement", "q-bgp"),
            *("neutron-qos", "neutron-trunk", "neutron-log", "neutron-dns", "neutron-placement"),
            *("neutron-segments", "neutron-rpc-server", "neutron-periodic-workers"),
        ),
        "a part of Neutron",
        "Neutron's API here has routers and segments",
    ),
    _of_plugin("heat", "orchestration", "h-*", "heat-*"),
    _of_plugin("ceilometer", "telemetry", "ceilometer-*"),
    _of_plugin("aodh", "alarms", "aodh-*"),
    AbsentService(
        ("gnocchi", "gnocchi-*"),
        "metrics",
        "add to local.conf: enable_plugin gnocchi https://github.com/gnocchixyz/gnocchi",
        ("gnocchi", "ceilometer"),
    ),
    _of_plugin("barbican", "secrets", "barbican-*"),
    _of_plugin("blazar", "reservations", "blazar-*"),
    _of_plugin("cloudkitty", "rating", "ck-*", "cloudkitty-*"),
    _of_plugin("cyborg", "accelerators", "cyborg-*"),
    _of_plugin("designate", "DNS", "designate-*"),
    _of_plugin("freezer", "backups", "freezer-*"),
    _of_plugin("ironic", "bare metal", "ir-*", "ironic-*"),
    _of_plugin("magnum", "container clusters", "magnum-*"),
    _of_plugin("manila", "shared file systems", "m-api", "m-sch", "m-shr", "m-dat", "manila-*"),
    _of_plugin("masakari", "instance recovery", "masakari-*"),
    _of_plugin("mistral", "workflows", "mistral-*"),
    _of_plugin("octavia", "load balancers", "o-*", "octavia-*"),
    _of_plugin("tacker", "network functions", "tacker-*"),
    _of_plugin("trove", "databases", "tr-*", "trove-*"),
    _of_plugin("vitrage", "root cause analysis", "vitrage-*"),
    _of_plugin("watcher", "optimization", "watcher-*"),
    _of_plugin("zaqar", "messaging", "zaqar-*"),
    _of_plugin("zun", "containers", "zun-*"),
    AbsentService(
        ("sahara", "sahara-*", "senlin", "senlin-*", "murano", "murano-*", "panko", "panko-*"),
        "a project that OpenStack has retired",
        _OBSOLETE,
    ),
)
"""All of them; a name belongs to the first whose pattern matches."""


def absent_service(name: str) -> AbsentService | None:
    """Return the entry of the service `name`, or None."""
    for service in ABSENT:
        if name in service.names or any(
            fnmatchcase(name, pattern) for pattern in service.names if "*" in pattern
        ):
            return service
    return None
