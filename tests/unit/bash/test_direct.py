"""Functions that others stand on, called by themselves."""
# ruff: noqa: E501 - a line of bash stays a line

import os

import pytest

SUDO = 'sudo() { while [[ $1 == -n || $1 == *=* ]]; do shift; done; "$@"; }; '
CALLS = "apt_get pip_install install_package start_service stop_service restart_service uninstall_package"
FAKES = "".join(f'{name}() {{ echo "{name} $*"; }}; ' for name in CALLS.split())
MYSQL = 'mysql() { echo "mysql $*"; }; type() { return 1; }; DATABASE_PASSWORD=pw DATABASE_HOST=h DATABASE_USER=u BASE_SQL_CONN=c://; '
LISTS = "rabbitmqctl() { [[ $1 != list_users ]] || echo 'known [x]'; echo \"$*\"; }; RABBIT_PASSWORD=pw; "


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("get_database_type_mysql; get_database_type_postgresql", "mysql+pymysql\npostgresql"),
        (f"{MYSQL} database_connection_url_mysql d", "c:///d?charset=utf8"),
        (f"{MYSQL} database_connection_url_postgresql d", "c:///d?client_encoding=utf8"),
        ("DATA_DIR=/d; database_connection_url_sqlite d", "sqlite:////d/d/d.db"),
        (
            f"{MYSQL} recreate_database_mysql d | tail -n 1",
            "mysql --no-defaults --protocol=tcp -uu -hh -e CREATE DATABASE d CHARACTER SET utf8;",
        ),
        ("DATA_DIR=$PWD; recreate_database_sqlite d; cleanup_database_sqlite; ls d", "d.db"),
        ("install_database; configure_database; install_database_python; cleanup_database", ""),
        ("install_database_sqlite; configure_database_sqlite; install_database_python_sqlite", ""),
        (
            "is_ubuntu() { true; }; install_database_mysql; install_database_postgresql",
            "install_package mariadb-server\ninstall_package postgresql",
        ),
        (
            "is_ubuntu() { false; }; install_database_mysql",
            "install_package mariadb-server mariadb",
        ),
        (
            "install_database_python_mysql; install_database_python_postgresql",
            "pip_install PyMySQL\npip_install psycopg2",
        ),
        ("cleanup_database_mysql", "stop_service mariadb"),
        ("cleanup_database_postgresql", "stop_service postgresql"),
        (
            f"{SUDO}{MYSQL} configure_database_mysql > out; head -n 2 out",
            "Configuring and starting MySQL\nstart_service mariadb",
        ),
        (
            "PATH=$PWD; printf '#!/bin/bash\\necho \"${0##*/} $*\"\\n' > dropdb; cp() { :; }; "
            "/bin/cp dropdb createdb; /bin/chmod +x dropdb createdb; DATABASE_PASSWORD=p; recreate_database_postgresql d",
            "dropdb -h 127.0.0.1 -U root --if-exists d\ncreatedb -h 127.0.0.1 -U root -l C -T template0 -E utf8 d",
        ),
        ("ENABLED_SERVICES=; install_rpc_backend; restart_rpc_backend; cleanup_rpc_backend", ""),
        (
            "ENABLED_SERVICES=rabbit; install_rpc_backend; cleanup_rpc_backend",
            "install_package rabbitmq-server\nuninstall_package rabbitmq-server",
        ),
        (
            f"{SUDO}{LISTS} rabbit_setuser known pw",
            "change_password known pw\nset_permissions known .* .* .*",
        ),
        (f"{SUDO}{LISTS} rabbit_setuser new pw", "add_user new pw\nset_permissions new .* .* .*"),
        (
            f"{SUDO}{LISTS} ENABLED_SERVICES=rabbit; restart_rpc_backend > out; head -n 2 out",
            "Starting RabbitMQ\nrestart_service rabbitmq-server",
        ),
        ("is_ubuntu() { true; }; real_install_package a b", "apt_get install a b"),
        (
            f'{SUDO} dnf() {{ echo dnf $*; }}; sudo_with_proxies() {{ sudo "$@"; }}; yum_install a',
            "dnf install -y a",
        ),
        (
            "sudo_with_proxies() { echo $*; }; zypper_install a",
            "zypper --non-interactive install --auto-agree-with-licenses --no-recommends a",
        ),
        (
            "is_ubuntu() { true; }; _need_root() { :; }; NO_UPDATE_REPOS=True; update_package_repo",
            "",
        ),
        (
            "is_ubuntu() { true; }; _need_root() { :; }; update_package_repo; update_package_repo",
            "apt_get update",
        ),
        ("Q_USE_PROVIDER_NETWORKING=True; is_provider_network && echo yes", "yes"),
        ("ENABLED_SERVICES=ironic IRONIC_IS_HARDWARE=True; is_ironic_hardware && echo yes", "yes"),
        (
            "ENABLED_SERVICES=ironic IRONIC_ENFORCE_SCOPE=False; is_ironic_enforce_scope || echo no",
            "no",
        ),
        ("ENABLED_SERVICES=ironic ENFORCE_SCOPE=True; is_ironic_enforce_scope && echo yes", "yes"),
        ("ENABLED_SERVICES=ironic IRONIC_SHARDS=1; is_ironic_sharded && echo yes", "yes"),
        ("NOVA_CONF_DIR=/etc/nova; conductor_conf 2", "/etc/nova/nova_cell2.conf"),
        ("bool_to_int True; bool_to_int False", "1\n0"),
        (
            "neutron_plugin_configure_common; neutron_plugin_configure_dhcp_agent f;"
            "neutron_plugin_configure_l3_agent f; neutron_plugin_configure_plugin_agent;"
            "neutron_plugin_configure_service; neutron_plugin_create_nova_conf;"
            "neutron_plugin_install_agent_packages; install_neutron_agent_packages;"
            "configure_neutron; _configure_neutron_service;"
            "has_neutron_plugin_security_group && ! is_neutron_ovs_base_plugin && echo none;"
            "ENABLED_SERVICES=ovn-controller; is_neutron_ovs_base_plugin && echo ovs",
            "none\novs",
        ),
        (
            "sudo() { echo $*; }; install_package() { echo $*; }; restart_service() { echo $*; };"
            "ENABLED_SERVICES=; OVS_DATAPATH_TYPE=netdev PUBLIC_BRIDGE=br-ex;"
            "_neutron_ovs_base_install_agent_packages; _neutron_ovs_base_add_public_bridge;"
            "OVS_DATAPATH_TYPE=system; _neutron_ovs_base_setup_bridge br-a;"
            "ENABLED_SERVICES=ovn-controller; _neutron_ovs_base_install_agent_packages",
            "openvswitch-switch\nopenvswitch-switch\n"
            "ovs-vsctl -- --may-exist add-br br-ex -- set Bridge br-ex datapath_type=netdev\n"
            "ovs-vsctl -- --may-exist add-br br-a\n"
            "ovs-vsctl --no-wait br-set-external-id br-a bridge-id br-a",
        ),
        ("_ensure_venv() { echo venv; }; install_python3", "venv"),
        ('curl() { echo "${@: -1}"; }; curl_get http://h', "http://h"),
        ("f() { backtrace 1; }; f > out; head -n 1 out", "[Call Trace]"),
    ],
)
def test_function_does_what_its_name_promises(bash, script: str, expected: str) -> None:
    assert bash.says(f"DATABASE_HOST=127.0.0.1 DATABASE_USER=root; {FAKES}{script}") == expected


@pytest.mark.parametrize(
    ("vendor", "package", "families"),
    [
        ("Debian", "deb", "is_ubuntu"),
        ("RedHatEnterprise", "rpm", "is_fedora"),
        ("OracleServer", "rpm", "is_fedora is_oraclelinux"),
        ("openSUSE", "rpm", "is_suse is_opensuse"),
        ("SUSE", "rpm", "is_suse is_suse_linux_enterprise"),
        ("openEuler", "rpm", "is_fedora is_openeuler"),
    ],
)
def test_families_of_distributions(bash, vendor: str, package: str, families: str) -> None:
    names = "is_ubuntu is_fedora is_suse is_opensuse is_suse_linux_enterprise is_oraclelinux is_openeuler"
    script = f"os_VENDOR={vendor} os_PACKAGE={package}; GetOSVersion; for f in {names}; do $f && echo $f; done; :"
    assert bash(script).lines == families.split()


def test_git_updates_happen_in_the_current_directory(bash) -> None:
    script = """
    export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
    git init -q -b master o; git -C o commit -q --allow-empty -m one; git -C o tag v1; git -C o branch b
    git clone -q o c; cd c
    git_update_remote_branch b 2> /dev/null > /dev/null; git branch --show-current
    git_update_tag v1 > /dev/null 2>&1; git describe --tags
    git_update_branch b > /dev/null 2>&1; git branch --show-current
    """
    assert bash(script).lines == ["b", "v1", "b"]


def test_authorities(bash) -> None:
    bash.use_small_keys()
    script = "make_root_CA root; make_int_CA int root; make_int_CA int root; openssl verify -CAfile root/cacert.pem int/cacert.pem"
    assert bash(script).lines == ["int/cacert.pem: OK"]


def test_merge_config_file(bash) -> None:
    (bash.path / "l").write_text("[[g|f]]\n[a]\nx = 1\n")
    bash("merge_config_file l g f")
    assert (bash.path / "f").read_text() == "\n[a]\nx = 1\n"


def test_configure_keystoneauth(bash) -> None:
    bash(
        "SERVICE_PASSWORD=pw; echo > b.pem; SSL_BUNDLE_FILE=b.pem; configure_keystoneauth f.ini u nova"
    )
    text = (bash.path / "f.ini").read_text()
    assert text.startswith("\n[nova]\ncafile = b.pem\n")
    assert "username = u\n" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to root")
def test_sudo_secure_path(bash) -> None:
    script = f"""{SUDO}
    chown() {{ :; }}; SUDO_SECURE_PATH_FILE=$PWD/s STACK_USER=me; sudo() {{ [[ $1 == chown ]] || "$@"; }}
    add_sudo_secure_path /a; add_sudo_secure_path /b; add_sudo_secure_path /a; cat s
    """
    assert bash.says(script).endswith(
        "secure_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/a:/b"
    )
