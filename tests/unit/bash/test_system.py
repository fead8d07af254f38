"""Root's rights, files, passwords, and pieces of stack.sh."""
# ruff: noqa: E501 - a line of bash stays a line

import os
import pwd

import pytest

from tests.unit.bash.conftest import LIBRARY

without_sudo = pytest.mark.skipif(os.geteuid() != 0, reason="root's own sudo is for root")


def test_sudo_finds_the_programs_of_the_stack(bash) -> None:
    bash.program("sudo", 'echo "$*"')
    tools = bash.path / "dest" / "bin"
    tools.mkdir(parents=True)
    (tools / "ovs-vsctl").touch(mode=0o755)
    script = (
        "sudo ovs-vsctl show; sudo -E A=1 ovs-vsctl -- --x; sudo -u me ovs-vsctl; sudo ls; sudo -v"
    )
    assert bash(script).lines == [
        f"{tools}/ovs-vsctl show",
        f"-E A=1 {tools}/ovs-vsctl -- --x",
        *("-u me ovs-vsctl", "ls", "-v"),
    ]


@without_sudo
def test_root_does_without_sudo(bash) -> None:
    script = """
    type() { return 1; }; source "$_DOITSTACK_LIBRARY/library/system.sh"; unset -f type
    sudo A=1 B='x y' sh -c 'echo $A $B'; sudo -E -H -n -- echo plain; sudo -u root echo root; sudo -v
    sudo -u nobody id -un; sudo --user=nobody A=2 sh -c 'echo $A'; sudo cat <<< text; sudo sh -c 'exit 3' || echo $?
    """
    assert bash(script).lines == ["1 x y", "plain", "root", "nobody", "2", "text", "3"]


def test_read_password_never_asks(bash) -> None:
    bash.env["ADMIN_PASSWORD"] = "mine"
    script = """
    read_password ADMIN_PASSWORD "ENTER"; read_password DB_PASSWORD "ENTER"; echo "$ADMIN_PASSWORD $DB_PASSWORD"
    first=$DB_PASSWORD; unset DB_PASSWORD; read_password DB_PASSWORD "ENTER"; [[ $first == "$DB_PASSWORD" ]]
    env | grep -c ^DB_PASSWORD=
    """
    lines = bash(script).lines
    mine, made = lines[0].split()
    assert (mine, len(made), lines[1]) == ("mine", 32, "1")
    file = bash.path / "dest" / "passwords"
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"DB_PASSWORD={made}\n", 0o600)


def test_read_password_dies_if_it_cannot_keep_one(bash) -> None:
    del bash.env["DEST"]
    assert "X is not set" in bash("read_password X ENTER", code=1).err


def test_safe_operations_skip_nfs(bash) -> None:
    script = 'sudo() { echo "$*"; }; safe_chown -R me f; safe_chmod 600 f; is_nfs_directory() { true; }; safe_chown me f'
    assert bash(script).lines == ["chown -R me f", "chmod 600 f"]


def test_small_operations(bash) -> None:
    script = """
    sudo() { echo "$*"; }; add_user_to_group me kvm; sudo_with_proxies x
    echo 1 > a; cp_it a b; cp_it none c; cat b; is_nfs_directory . || echo local
    mkdir dest; touch dest/x.pyc; clean_pyc_files; ls dest; cleanup_tmp; running_in_container || :
    """
    assert bash(script).lines == [
        "usermod -a -G kvm me",
        "http_proxy= https_proxy= no_proxy= x",
        "1",
        "local",
    ]


def test_get_extra_file(bash) -> None:
    (bash.path / "source").write_text("data")
    script = """
    FILES=$PWD/files; get_extra_file /a/b; get_extra_file "file://$PWD/source"
    curl() { [[ $4 == http://h/x.img && ! -e $3 ]] && cp source "$3"; }
    get_extra_file http://h/x.img; get_extra_file http://h/x.img
    """
    assert bash(script).lines == [
        *("/a/b", str(bash.path / "source")),
        *[str(bash.path / "files" / "x.img")] * 2,
    ]


def test_stack_install_service(bash) -> None:
    script = """
    install_a() { echo "a ${PIP_VIRTUAL_ENV-}"; }; PROJECT_VENV[a]=$PWD/v; stack_install_service a
    _ensure_venv() { echo "venv $1"; }; install_keystonemiddleware() { echo middleware; }
    USE_VENV=True; stack_install_service a; echo "${PIP_VIRTUAL_ENV-none}"
    """
    lines = ["a ", f"venv {bash.path}/v", "middleware", f"a {bash.path}/v", "none"]
    assert bash(script).lines == lines
    done = bash("stack_install_service none", code=1)
    assert "No function declared with name 'install_none'." in done.err


def test_save_stackenv(bash) -> None:
    bash("STACK_ENV_VARS='DEST NONE'; save_stackenv here")
    lines = (bash.path / ".stackenv").read_text().splitlines()
    assert lines[0].endswith(" here")
    assert lines[1:] == [f"DEST={bash.env['DEST']}", "NONE="]


def test_libraries_come_from_git_if_they_are_listed(bash) -> None:
    script = """
    git_clone_by_name() { echo "clone $1"; }; setup_dev_lib() { echo "setup $1"; }
    pip_install_gr() { echo "pip $1"; }; LIBS_FROM_GIT=keystoneauth
    install_keystoneauth; install_keystoneclient; install_keystonemiddleware
    LIBS_FROM_GIT=keystonemiddleware; install_keystonemiddleware
    LIBS_FROM_GIT=python-novaclient; install_cinderclient; install_glanceclient
    install_neutronclient; install_novaclient; install_swiftclient
    """
    assert bash(script).lines == [
        *("clone keystoneauth", "setup keystoneauth"),
        *("pip keystonemiddleware", "pip python-memcached"),
        *("clone keystonemiddleware", "setup keystonemiddleware", "pip python-memcached"),
        *("clone python-novaclient", "setup python-novaclient"),
    ]


def test_defaults_never_override(bash) -> None:
    bash.env |= {"SERVICE_HOST": "10.1.1.1", "RABBIT_HOST": "r", "LOGDIR": "/l", "OFFLINE": "True"}
    script = 'echo "$SERVICE_HOST $RABBIT_HOST $LOGDIR $OFFLINE $KEYSTONE_SERVICE_URI $NOVA_CONF $GIT_BASE"'
    dest = bash.env["DEST"]
    assert bash.says(script) == (
        f"10.1.1.1 r /l True http://10.1.1.1:5000 {dest}/etc/nova/nova.conf https://opendev.org"
    )


READ_BY_PLUGINS = """
ADMIN_TENANT_NAME APACHE_NAME API_WORKERS CINDER_CONF CIRROS_VERSION DATABASE_BACKENDS
DATABASE_HOST DATABASE_USER DATA_DIR DEST DEVSTACK_VENV DISTRO ENABLE_DEBUG_LOG_LEVEL ETCD_PORT FILES
FIXED_RANGE FLOATING_RANGE GIT_BASE GLANCE_API_CONF GLANCE_CONF_DIR GLOBAL_VENV HEAT_CONF
HORIZON_DIR HOSTNAME HOST_IP INT_CA_DIR KEYSTONE_AUTH_URI KEYSTONE_AUTH_URI_V3 KEYSTONE_CONF
KEYSTONE_SERVICE_HOST KEYSTONE_SERVICE_URI KEYSTONE_SERVICE_URI_V3 LIBDIR LOGDIR LOG_COLOR
NEUTRON_BIN_DIR NEUTRON_CONF NEUTRON_CONF_DIR NEUTRON_CORE_PLUGIN_CONF NEUTRON_DIR NOVA_CONF
NOVA_CONF_DIR NOVA_DIR OFFLINE OVS_BRIDGE PATH PHYSICAL_NETWORK PUBLIC_BRIDGE
PUBLIC_NETWORK_GATEWAY PUBLIC_PHYSICAL_NETWORK PYTHON Q_DHCP_CONF_FILE Q_L3_ENABLED Q_PLUGIN
Q_PLUGIN_CONF_FILE Q_ROUTER_NAME RABBIT_HOST RABBIT_USERID REGION_NAME SERVICE_DOMAIN_NAME
SERVICE_HOST SERVICE_PROJECT_NAME SERVICE_PROTOCOL SERVICE_TENANT_NAME SERVICE_TIMEOUT
SSL_BUNDLE_FILE STACK_USER SYSLOG SYSTEMCTL SYSTEMD_DIR TARGET_BRANCH TEMPEST_CONFIG TEMPEST_DIR
TOP_DIR USE_VENV VIRT_DRIVER NOVA_CPU_CONF PLACEMENT_CONF NEUTRON_DHCP_CONF Q_L3_CONF_FILE
NEUTRON_L3_CONF Q_META_CONF_FILE OVN_META_CONF GLANCE_SWIFT_STORE_CONF TEMPEST_CONFIG_DIR
SERVICE_IP_VERSION HOST_IPV6 SERVICE_LISTEN_ADDRESS SERVICE_LOCAL_HOST TUNNEL_ENDPOINT_IP WSGI_MODE
BRANCHLESS_TARGET_BRANCH SERVICE_GRACEFUL_SHUTDOWN_TIMEOUT RC_DIR CIRROS_ARCH Q_PLUGIN_CLASS
Q_ML2_TENANT_NETWORK_TYPE Q_ML2_PLUGIN_TYPE_DRIVERS Q_ADMIN_USERNAME Q_META_DATA_IP MYSQL_HOST
MYSQL_USER Q_PROTOCOL NOVA_SERVICE_PROTOCOL GLANCE_SERVICE_PROTOCOL SWIFT_SERVICE_PROTOCOL
CINDER_ENABLED_BACKENDS CINDER_STATE_PATH NOVA_STATE_PATH NOVA_INSTANCES_PATH NOVA_BIN_DIR
GLANCE_BIN_DIR CINDER_API_PASTE_INI NOVA_API_PASTE_INI NOVA_UWSGI_CONF NOVA_METADATA_UWSGI_CONF
CINDER_UWSGI_CONF GLANCE_UWSGI_CONF PLACEMENT_UWSGI_CONF NEUTRON_UWSGI_CONF
KEYSTONE_PUBLIC_UWSGI_CONF
Q_AGENT OVS_PHYSICAL_BRIDGE VERSION_ID Q_ML2_PLUGIN_EXT_DRIVERS DEFAULT_IMAGE_NAME FIXED_RANGE_V6
IPV6_PUBLIC_RANGE OVN_SB_REMOTE Q_SERVICE_PLUGIN_CLASSES SUBNETPOOL_PREFIX_V4
Q_ML2_PLUGIN_MECHANISM_DRIVERS Q_USE_PROVIDERNET_FOR_PUBLIC BUILD_TIMEOUT
ENABLE_HTTPD_MOD_WSGI_SERVICES IPV4_ADDRS_SAFE_TO_USE IPV6_ADDRESS_MODE IPV6_PUBLIC_NETWORK_GATEWAY
IPV6_RA_MODE IPV6_ROUTER_GW_IP NEUTRON_CREATE_INITIAL_NETWORKS OVN_NB_REMOTE OVS_REPO
PUBLIC_INTERFACE Q_PUBLIC_VETH_EX Q_USE_PUBLIC_VETH SUBNETPOOL_PREFIX_V6 SUBNETPOOL_SIZE_V4
SUBNETPOOL_SIZE_V6 SWIFT_REPLICAS_SEQ ML2_L3_PLUGIN IP_VERSION VOLUME_BACKING_FILE_SIZE
APACHE_LOG_DIR CACHE_BACKEND CINDER_CACHE_ENABLED_FOR_BACKENDS CINDER_IMG_CACHE_ENABLED
CINDER_IMG_CACHE_SIZE_COUNT CINDER_IMG_CACHE_SIZE_GB CONFIG_AWK_CMD DEVSTACK_SERIES
ENABLE_CHASSIS_AS_GW ENABLE_TENANT_VLANS ENFORCE_NEW_DEFAULTS GLANCE_DEFAULT_BACKEND
GLANCE_ENABLE_MULTIPLE_STORES GLANCE_IMAGE_DIR ID IPV6_ADDRS_SAFE_TO_USE
IPV6_PRIVATE_NETWORK_GATEWAY IPV6_PRIVATE_SUBNET_NAME IPV6_PUBLIC_SUBNET_NAME LIBVIRT_GROUP NAME
NETWORK_GATEWAY NEUTRON_ROOTWRAP NOVA_BRANCH NOVNC_BRANCH NOVNC_REPO OVN_BRANCH OVN_DBS_LOG_LEVEL
OVN_DNS_SERVERS OVN_GENEVE_OVERHEAD OVN_L3_SCHEDULER OVN_NEUTRON_SYNC_MODE OVN_PROTO OVN_REPO
OVS_BRANCH OVS_DATAPATH_TYPE OVS_ENABLE_TUNNELING OVS_TUNNEL_BRIDGE PUBLIC_BRIDGE_MTU
Q_BUILD_OVS_FROM_GIT Q_DB_NAME Q_NOTIFY_NOVA_PORT_DATA_CHANGES Q_NOTIFY_NOVA_PORT_STATUS_CHANGES
Q_OVS_USE_VETH Q_PUBLIC_VETH_INT Q_RR_COMMAND Q_RR_DAEMON_COMMAND Q_USE_ROOTWRAP_DAEMON
Q_USE_SECGROUP S3_SERVICE_PORT SERVICE_DIR STACK_GROUP SUBNETPOOL_NAME_V4 SUBNETPOOL_NAME_V6
SWIFT_ENABLE_TEMPURLS VERSION_CODENAME AGENT_L3_BINARY CINDER_DRIVER IRONIC_PYTHON_AGENT_BRANCH
IRONIC_PYTHON_AGENT_REPO NEUTRON_TEST_CONFIG_FILE Q_L3_ROUTER_PER_TENANT
Q_ML2_PLUGIN_GENEVE_TYPE_OPTIONS Q_USE_ROOTWRAP SWIFT_DEFAULT_BIND_PORT MEMCACHE_SERVERS IMAGE_URLS
CINDER_CONF_DIR KEYSTONE_CONF_DIR SWIFT_CONF_DIR HOME
"""


def test_variables_that_plugins_read_are_set(bash) -> None:
    script = "for name in $NAMES; do [[ -v $name ]] || echo $name; done"
    bash.env["NAMES"] = " ".join(READ_BY_PLUGINS.split())
    assert bash.says(script) == ""


def test_variables_have_devstacks_values_if_they_describe_nothing_of_the_stack(bash) -> None:
    values = (LIBRARY.parents[3] / "tests" / "data" / "devstack_values").read_text().splitlines()
    wanted = dict(line.split("=", 1) for line in values)
    script = "".join(f'echo "{name}=${name}"\n' for name in wanted)
    assert dict(line.split("=", 1) for line in bash(script).lines) == wanted


def test_what_plugins_of_services_tell_is_not_set_before_override_defaults(bash) -> None:
    names = "DEFAULT_IMAGE_NAME OVS_DATAPATH_TYPE Q_AGENT NOVA_INSTANCES_PATH MEMCACHE_SERVERS"
    say = f"unset {names}; _set_defaults; for name in {names}; do [[ ! -v $name ]] || echo $name; done"
    assert bash.says(say) == ""


def test_variables_of_plugins_follow_the_stack(bash) -> None:
    bash.env |= {"HOST_IP": "10.0.0.7", "DATABASE_HOST": "10.0.0.8", "SERVICE_PROTOCOL": "https"}
    script = (
        'echo "$TUNNEL_ENDPOINT_IP $Q_META_DATA_IP $MYSQL_HOST $Q_PROTOCOL $CINDER_API_PASTE_INI"'
    )
    paste = f"{bash.env['DEST']}/venvs/cinder/etc/cinder/api-paste.ini"
    assert bash.says(script) == f"10.0.0.7 10.0.0.7 10.0.0.8 https {paste}"


def test_files_of_an_earlier_version_are_found_in_the_stack_directory(bash) -> None:
    assert bash.says("echo $FILES") == f"{bash.env['DEST']}/files"
    (bash.path / "files").mkdir()
    bash.env["ENABLED_SERVICES"] = "key"
    assert bash.says("echo $FILES") == f"{bash.path}/files"


def test_stack_group_is_the_name_of_our_group(bash) -> None:
    assert bash.says("echo $STACK_GROUP") == bash.says("id -gn")


def test_user_is_known_where_nobody_has_logged_in(bash) -> None:
    say = 'unset USER STACK_USER; _set_defaults; echo "$USER $STACK_USER"; printenv USER'
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert bash(say).lines == [f"{user} {user}", user]
