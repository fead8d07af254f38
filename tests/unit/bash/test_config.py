"""Databases, the message queue, logging, policies, rootwrap, Neutron's lists."""
# ruff: noqa: E501 - a line of bash stays a line

import json
import os
import sqlite3

import pytest


def test_sqlite_databases_are_files_of_their_own(bash) -> None:
    url = bash.says("recreate_database nova; database_connection_url nova")
    file = bash.path / "dest" / "data" / "nova" / "nova.db"
    assert url == f"sqlite:///{file}"
    with sqlite3.connect(file) as connection:
        connection.execute("create table t (x)")
    connection.close()
    bash("recreate_database nova")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"", 0o600)


def test_new_database_of_a_run_is_told_to_its_services(bash) -> None:
    script = (
        f"{bash.requests()}; recreate_database a; _doitstack_session=$BASHPID; recreate_database b"
    )
    assert bash(script).lines == ["<database_recreated>"]


@pytest.mark.parametrize(
    ("port", "words", "address"),
    [("", "-h127.0.0.1", "127.0.0.1"), ("33", "-h127.0.0.1 -P33", "127.0.0.1:33")],
)
@pytest.mark.parametrize("first", ["initialize_database_backends", ":"])
def test_mysql_is_called_with_a_hidden_password(bash, first, port, words, address) -> None:
    bash.program("mariadb", 'echo "$MYSQL_PWD: $*"')
    script = f"""
    ENABLED_SERVICES=mysql DATABASE_PASSWORD=pw DATABASE_PORT={port}
    {first}; recreate_database nova; database_connection_url nova
    """
    client = f"pw: --no-defaults --protocol=tcp -uroot {words} -e"
    assert bash(script).lines == [
        f"{client} DROP DATABASE IF EXISTS nova;",
        f"{client} CREATE DATABASE nova CHARACTER SET utf8;",
        f"mysql+pymysql://root:pw@{address}/nova?charset=utf8",
    ]


def test_the_type_of_database_is_set_from_the_start(bash) -> None:
    bash.env["ENABLED_SERVICES"] = "key,mysql"
    assert bash.says("echo $DATABASE_TYPE") == "mysql"


def test_postgresql_is_called(bash) -> None:
    bash.program("dropdb", 'echo "dropdb $*"')
    bash.program("createdb", 'echo "createdb $*"')
    script = """
    DATABASE_TYPE=postgresql DATABASE_PASSWORD=pw
    initialize_database_backends; recreate_database nova; database_connection_url nova
    """
    lines = bash(script).lines
    assert lines[0] == "dropdb -h 127.0.0.1 -U root --if-exists nova"
    assert lines[1].startswith("createdb ")
    assert lines[2] == "postgresql://root:pw@127.0.0.1/nova?client_encoding=utf8"


@pytest.mark.parametrize("fedora", ["true", "false"])
def test_account_of_postgresql_is_made_without_showing_its_password(bash, fedora: str) -> None:
    script = f"""
    is_fedora() {{ {fedora}; }}; start_service() {{ echo "starts $1"; }}; DATABASE_PASSWORD="it's secret"
    sudo() {{ echo "$*"; case $1 in -u) cat > statements ;; test) false ;; esac; }}
    configure_database_postgresql
    """
    cluster = ["test -e /var/lib/pgsql/data/pg_hba.conf", "postgresql-setup --initdb"]
    assert bash(script.replace("> statements", f"> {bash.path}/statements")).lines == [
        "Configuring and starting PostgreSQL",
        *cluster * (fedora == "true"),
        "starts postgresql",
        "-u postgres psql --no-psqlrc --quiet --set ON_ERROR_STOP=1",
    ]
    make, alter = (bash.path / "statements").read_text().splitlines()
    assert make.startswith("SELECT 'CREATE ROLE \"root\"' WHERE NOT EXISTS")
    assert alter == """ALTER ROLE "root" WITH SUPERUSER LOGIN PASSWORD 'it''s secret';"""


def test_another_database_may_be_registered(bash) -> None:
    script = "database_connection_url_x() { echo x:$1; }; register_database x; ENABLED_SERVICES=x; database_connection_url n"
    assert bash.says(script) == "x:n"


def test_rpc_backend_is_rabbit_or_nothing(bash) -> None:
    bash("ENABLED_SERVICES=; iniset_rpc_backend nova f.ini")
    assert not (bash.path / "f.ini").exists()
    script = """
    ENABLED_SERVICES=rabbit RABBIT_PASSWORD=pw RABBIT_HOST=h RABBIT_HEARTBEAT_RATE=2
    iniset_rpc_backend nova f.ini; iniset_rpc_backend nova f.ini other cell1; get_transport_url; get_notification_url v
    """
    assert bash(script).lines == [
        "rabbit://stackrabbit:pw@h:5672/",
        "rabbit://stackrabbit:pw@h:5672/v",
    ]
    assert (bash.path / "f.ini").read_text() == (
        "\n[DEFAULT]\ntransport_url = rabbit://stackrabbit:pw@h:5672/\n"
        "\n[oslo_messaging_rabbit]\nheartbeat_rate = 2\n"
        "\n[other]\ntransport_url = rabbit://stackrabbit:pw@h:5672/cell1\n"
    )


def test_rpc_backend_add_vhost(bash) -> None:
    assert (
        "does not support vhosts" in bash("ENABLED_SERVICES=; rpc_backend_add_vhost x", code=1).out
    )
    bash.program("rabbitmqctl", 'case $1 in list_vhosts) echo old ;; *) echo "$*" ;; esac')
    script = 'ENABLED_SERVICES=rabbit; sudo() { "$@"; }; rpc_backend_add_vhost old; rpc_backend_add_vhost new'
    assert bash(script).lines == ["add_vhost new", "set_permissions -p new stackrabbit .* .* .*"]


def test_virtual_hosts_are_those_of_the_stacks_own_broker(bash) -> None:
    (bash.path / "rabbit").mkdir()
    (bash.path / "rabbit" / "rabbitmq.conf").touch()
    ctl = bash.program("ctl", 'echo "$ERL_EPMD_PORT $RABBITMQ_NODENAME $HOME $*" >> ../asked')
    script = f"DATA_DIR=$PWD RABBIT_EPMD_PORT=1 RABBITMQCTL={ctl} ENABLED_SERVICES=rabbit"
    bash(f"{script}; rpc_backend_add_vhost v")
    said = (bash.path / "asked").read_text().splitlines()
    assert said[1] == f"1 stack@localhost {bash.path}/rabbit/home add_vhost v"


@pytest.mark.parametrize(
    "name", ["setup_logging", "setup_colorized_logging", "setup_systemd_logging"]
)
def test_logging_formats_are_those_of_oslo(bash, name: str) -> None:
    bash(f"LOG_COLOR=True; {name} f.ini; {name} f.ini other")
    lines = (bash.path / "f.ini").read_text().splitlines()
    values = dict(line.split(" = ", 1) for line in lines if " = " in line)
    assert set(values) == {
        "log_color",
        "logging_exception_prefix",
        "logging_debug_format_suffix",
        "logging_default_format_string",
        "logging_context_format_string",
    }
    assert (
        "\x1b[01;36m%(global_request_id)s %(request_id)s" in values["logging_context_format_string"]
    )
    assert ("%(asctime)s" in values["logging_default_format_string"]) == (
        name != "setup_systemd_logging"
    )
    assert lines.count("log_color = True") == 2


def test_logging_to_the_journal(bash) -> None:
    bash("USE_JOURNAL=yes; setup_systemd_logging f.ini; setup_standard_logging_identity f.ini")
    text = (bash.path / "f.ini").read_text()
    assert "use_journal = True" in text
    assert "pid=" not in text
    assert "logging_user_identity_format = %(project_name)s %(user_name)s" in text


def test_policy_add(bash) -> None:
    (bash.path / "p.json").write_text('{\n    "a": [],\n    "b": [["x"]]\n}\n')
    assert "already exists" in bash.says("policy_add p.json c '[\"y\"]'; policy_add p.json c '[]'")
    assert json.loads((bash.path / "p.json").read_text()) == {"a": [], "b": [["x"]], "c": ["y"]}


def test_policy_add_makes_the_file(bash) -> None:
    bash(
        """policy_add p.json a '"rule:x"'; policy_add p.json b '"rule:y"'; policy_add p.json a '"z"'"""
    )
    assert json.loads((bash.path / "p.json").read_text()) == {"a": "rule:x", "b": "rule:y"}


@pytest.mark.parametrize(("services", "driver"), [("", "null"), ("ovn-controller", "openvswitch")])
def test_interfaces_of_an_agent_are_wired_with_ovn_alone(bash, services: str, driver: str) -> None:
    bash(f"ENABLED_SERVICES={services}; neutron_plugin_setup_interface_driver agent.ini")
    assert (bash.path / "agent.ini").read_text() == f"\n[DEFAULT]\ninterface_driver = {driver}\n"


def test_install_default_policy(bash) -> None:
    (bash.path / "nova" / "etc" / "nova" / "policy.d").mkdir(parents=True)
    (bash.path / "nova" / "etc" / "nova" / "policy.json").write_text("{}")
    (bash.path / "conf").mkdir()
    bash("NOVA_DIR=$PWD/nova NOVA_CONF_DIR=$PWD/conf; install_default_policy nova")
    assert sorted(path.name for path in (bash.path / "conf").iterdir()) == [
        "policy.d",
        "policy.json",
    ]


def test_rootwrap(bash) -> None:
    source = bash.path / "src" / "etc" / "thing"
    (source / "rootwrap.d").mkdir(parents=True)
    (source / "rootwrap.d" / "a.filters").touch()
    (bash.path / "src" / "thing-rootwrap-daemon").touch()
    (source / "rootwrap.conf").write_text("filters_path=/x\n")
    script = """
    sudo() {
        printf '%s ' "$@"; echo
        case $1 in tee) cat > /dev/null ;; head) echo 'Defaults:me secure_path=/bin' ;; test) return 1 ;; esac
        [[ $* != *sudoers.d/thing-rootwrap ]] || cat "${@: -2:1}"
    }
    STACK_USER=me THING_DIR=$PWD/src THING_BIN_DIR=$PWD/src
    configure_rootwrap thing; get_rootwrap_location thing
    """
    lines = bash(script).lines
    rules = [line.removeprefix("me ALL=(root) NOPASSWD: ") for line in lines if "NOPASSWD" in line]
    assert rules == [
        f"{bash.path}/src/thing-rootwrap /etc/thing/rootwrap.conf *",
        f"{bash.path}/src/thing-rootwrap-daemon /etc/thing/rootwrap.conf",
    ]
    assert lines[-1] == f"{bash.env['DEST']}/venvs/stack/bin/thing-rootwrap"


def test_root_helper_options(ini) -> None:
    script = (
        "Q_RR_COMMAND='sudo rw' Q_RR_DAEMON_COMMAND='sudo d'; configure_root_helper_options f.ini"
    )
    assert ini("", script) == "\n[agent]\nroot_helper_daemon = sudo d\nroot_helper = sudo rw\n"


def test_neutron_lists_grow_once(bash) -> None:
    script = """
    neutron_service_plugin_class_add a; neutron_service_plugin_class_add b; neutron_service_plugin_class_add a
    neutron_ml2_extension_driver_add d; neutron_server_config_add /f; neutron_server_config_add /etc/neutron/g
    plugin_agent_add_l2_agent_extension q; plugin_agent_add_l3_agent_extension r
    echo $Q_SERVICE_PLUGIN_CLASSES $Q_ML2_PLUGIN_EXT_DRIVERS $NEUTRON_SERVER_CONFIG_FILES ${Q_PLUGIN_EXTRA_CONF_FILES[0]}
    populate_ml2_config f.ini s a=1 b=x=y; configure_l2_agent_extensions f.ini; cat f.ini
    """
    assert bash(script).lines == [
        *(
            f"router,segments,a,b port_security,d /f {bash.env['DEST']}/etc/neutron/g /f",
            "",
            "[s]",
            "b = x=y",
            "a = 1",
            "",
            "[agent]",
            "extensions = q",
        ),
    ]


@pytest.mark.parametrize(
    ("services", "answers"),
    [
        ("q-svc", "neutron legacy"),
        ("neutron-api", "neutron"),
        ("nova", ""),
        ("s-proxy", "swift"),
        ("key", "keystone"),
    ],
)
def test_is_enabled_functions(bash, services: str, answers: str) -> None:
    script = """
    is_neutron_enabled && printf 'neutron '; is_neutron_legacy_enabled && printf 'legacy '
    is_swift_enabled && printf 'swift '; is_keystone_enabled && printf 'keystone '; :
    """
    assert bash.says(f"ENABLED_SERVICES={services}; {script}").strip() == answers


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to root")
def test_neutron_rootwrap_filters(bash) -> None:
    (bash.path / "p" / "etc" / "neutron" / "rootwrap.d").mkdir(parents=True)
    (bash.path / "p" / "etc" / "neutron" / "rootwrap.d" / "x.filters").touch()
    bash('sudo() { "$@"; }; Q_CONF_ROOTWRAP_D=$PWD/d; neutron_deploy_rootwrap_filters p')
    assert (bash.path / "d" / "x.filters").exists()


def test_addresses_of_ipv6_have_brackets_in_urls(bash) -> None:
    bash.env |= {"SERVICE_IP_VERSION": "6", "HOST_IPV6": "fd00::2"}
    script = """
    ENABLED_SERVICES=rabbit RABBIT_PASSWORD=pw; get_transport_url
    echo "$SERVICE_HOST $SERVICE_LOCAL_HOST $SERVICE_LISTEN_ADDRESS $KEYSTONE_SERVICE_URI"
    """
    assert bash(script).lines == [
        "rabbit://stackrabbit:pw@[fd00::2]:5672/",
        "[fd00::2] fd00::2 [fd00::2] http://[fd00::2]:5000",
    ]


def test_rabbit_is_on_this_host_by_default(bash) -> None:
    script = "ENABLED_SERVICES=rabbit RABBIT_PASSWORD=pw SERVICE_HOST=10.0.0.7; get_transport_url"
    assert bash.says(script) == "rabbit://stackrabbit:pw@10.0.0.7:5672/"


def test_files_of_services_are_found_by_their_names_in_etc(bash) -> None:
    script = """
    KEYSTONE_CONF_DIR=$PWD/own/keystone
    for REPLY in kept; do iniset /etc/keystone/k.conf token expiration 7200; echo $REPLY; done
    iniget /etc/keystone/k.conf token expiration; ini_has_option /etc/keystone/k.conf token expiration
    policy_add /etc/keystone/p.json a '[]'; ls $KEYSTONE_CONF_DIR
    """
    assert bash(script).lines == ["kept", "7200", "k.conf", "p.json"]


def test_directory_of_the_user_in_etc_has_only_what_the_stack_has_not(bash) -> None:
    script = """
    _is_real_directory() { [[ $1 == /etc/keystone ]]; }
    KEYSTONE_CONF_DIR=$PWD/own/keystone NOVA_CONF_DIR=$PWD/own/nova
    mkdir -p own/keystone; : > own/keystone/keystone.conf
    iniset /etc/keystone/keystone.conf token expiration 7200
    iniget own/keystone/keystone.conf token expiration
    for f in /etc/keystone/mine.conf /etc/nova/nova.conf; do _script_file $f; echo ${REPLY#"$PWD/"}; done
    """
    assert bash(script).lines == ["7200", "/etc/keystone/mine.conf", "own/nova/nova.conf"]


def test_files_of_others_in_etc_are_meant_as_they_are(bash) -> None:
    script = (
        "for f in /etc/thing/t.conf /etc/keystone.conf x; do _script_file $f; echo $REPLY; done"
    )
    assert bash(script).lines == ["/etc/thing/t.conf", "/etc/keystone.conf", "x"]
