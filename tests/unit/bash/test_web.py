"""WSGI services and certificates."""
# ruff: noqa: E501 - a line of bash stays a line

import configparser
import os
import subprocess

import pytest


def _uwsgi(bash, name: str = "u.ini") -> dict[str, str]:
    # Options that are there twice have all values for uWSGI.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(bash.path / name)
    return dict(parser["uwsgi"])


def test_uwsgi_listens_on_the_given_address(bash) -> None:
    bash("API_WORKERS=3; write_uwsgi_config u.ini a.wsgi:app '' 0.0.0.0:8000 name")
    values = _uwsgi(bash)
    assert (values["module"], values["http-socket"], values["processes"]) == (
        "a.wsgi:app",
        "0.0.0.0:8000",
        "3",
    )
    assert values["virtualenv"] == f"{bash.env['DEST']}/venvs/stack"
    assert "mount" not in values


def test_uwsgi_without_an_address_gets_a_port_that_stays(bash) -> None:
    bash("write_uwsgi_config u.ini /bin/my-api /my; cp u.ini v.ini")
    bash("write_uwsgi_config u.ini /bin/my-api /my")
    values = _uwsgi(bash)
    assert values["http-socket"].startswith("127.0.0.1:")
    assert values == _uwsgi(bash, "v.ini")
    link = bash.path / "u.wsgi"
    assert (values["mount"], values["manage-script-name"]) == (f"/my={link}", "true")
    routes = [line for line in (bash.path / "u.ini").read_text().splitlines() if "route" in line]
    assert sorted(routes) == [
        "route-if = empty:${PATH_INFO} setpathinfo:/",
        # for requests that come without /my, as from a site of the script's own
        "route-if = empty:${SCRIPT_NAME} addvar:SCRIPT_NAME=",
    ]
    assert str(link.readlink()) == "/bin/my-api", "what uWSGI takes for a file"
    site = (bash.path / "dest" / "apache" / "sites-available" / "my-api.conf").read_text()
    assert site == f'ProxyPass "/my" "http://{values["http-socket"]}/my" retry=0 acquire=1\n'
    assert bash.says("uwsgi_http_address my-api") == values["http-socket"]
    bash("remove_uwsgi_config u.ini /bin/my-api")
    assert not [name for name in ("u.ini", "u.wsgi") if os.path.lexists(bash.path / name)]
    assert list((bash.path / "dest" / "apache").rglob("my-api*")) == []


@pytest.mark.parametrize("wsgi", ["a.wsgi:app", "/x/app.py", "/x/app.wsgi"])
def test_uwsgi_mounts_modules_and_files_as_they_are(bash, wsgi: str) -> None:
    bash(f"write_uwsgi_config u.ini {wsgi} /my")
    assert _uwsgi(bash)["mount"] == f"/my={wsgi}"


def test_uwsgi_with_an_address_has_no_path(bash) -> None:
    bash("write_uwsgi_config u.ini /bin/my-api /my 0.0.0.0:8000")
    values = _uwsgi(bash)
    assert (values["wsgi-file"], "mount" in values) == ("/bin/my-api", False)


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://{host}/my", "http://{address}/my"),
        ("http://{host}:80/my/v1/%(project_id)s", "http://{address}/my/v1/%(project_id)s"),
        ("https://[::1]/my", "http://{address}/my"),
        ("http://{host}/other/v2", "http://10.9.9.9:1/v2"),
        *((url, url) for url in ("http://{host}/mine", "http://{host}:81/my", "http://{host}")),
    ],
)
def test_endpoint_of_apache_becomes_that_of_the_service(bash, url: str, reached: str) -> None:
    script = f"""{bash.requests()}
    write_uwsgi_config u.ini /bin/my-api /my; write_local_proxy_http_config o http://10.9.9.9:1 /other
    uwsgi_http_address my-api; get_or_create_endpoint s R '{url.format(host="h")}' http://a
    """
    address, asked = bash(script).lines
    wanted = reached.format(host="h", address=address)
    assert asked == f"<get_or_create_endpoint><s><R><{wanted}><http://a>"


def test_wait_for_apache_url_waits_for_the_service(bash) -> None:
    bash.program("curl", 'echo "${@: -1}" >> asked; echo 200')
    bash("write_uwsgi_config u.ini /bin/my-api /my; wait_for_service 5 http://h/my/")
    address = bash.says("uwsgi_http_address my-api")
    assert (bash.path / "asked").read_text() == f"http://{address}/my/\n"


def test_uwsgi_for_large_bodies(bash) -> None:
    bash("write_local_uwsgi_http_config u.ini a:b /image image-api")
    assert _uwsgi(bash)["http-raw-body"] == "true"


def test_install_apache_is_the_wsgi_server(bash) -> None:
    assert (
        bash.says("pip_install() { echo $*; }; install_apache_wsgi; install_apache_uwsgi")
        == "pyuwsgi\npyuwsgi"
    )


def test_certificates_are_signed_by_our_authority(bash) -> None:
    bash.use_small_keys()
    script = """
    mkdir -p "$DATA_DIR"; SERVICE_HOST=10.0.0.7
    init_CA; DEVSTACK_HOSTNAME=host init_cert; make_cert "$INT_CA_DIR" other other.example DNS:b.example
    ensure_certificates NOVA; echo "$NOVA_SSL_CERT $NOVA_SSL_CA"
    stat -c %a "$NOVA_SSL_KEY" "$DEVSTACK_CERT"
    """
    lines = bash(script).lines
    cert, chain = lines[0].split()
    assert lines[1:] == ["600", "600"]
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", chain, cert], capture_output=True, text=True, check=True
    )
    assert verified.stdout.endswith("OK\n")
    names = subprocess.run(
        [
            "openssl",
            "x509",
            "-noout",
            "-ext",
            "subjectAltName",
            "-in",
            cert.replace("devstack-cert", "other"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(
        name in names for name in ("DNS:other.example", "DNS:b.example", "IP Address:10.0.0.7")
    )


def test_ensure_certificates_needs_all_or_nothing(bash) -> None:
    assert "Missing either" in bash("A_SSL_CERT=x; ensure_certificates A", code=1).err
    (bash.path / "ca").write_text("CA\n")
    bash("A_SSL_CERT=x A_SSL_KEY=y A_SSL_CA=ca SSL_BUNDLE_FILE=$PWD/bundle; ensure_certificates A")
    assert (bash.path / "bundle").read_text() == "CA\n"


def test_is_ssl_enabled_service(bash) -> None:
    bash("USE_SSL=True SSL_ENABLED_SERVICES=a,b; is_ssl_enabled_service b")
    bash("USE_SSL=False SSL_ENABLED_SERVICES=a,b; is_ssl_enabled_service b", code=1)
    bash("ENABLED_SERVICES=tls-proxy; is_tls_enabled")


def test_tls_proxy_is_a_service_with_the_certificate_of_the_host(bash) -> None:
    script = f"""{bash.requests()}
    init_CA() {{ echo authority; }}; init_cert() {{ echo certificate; }}
    DOITSTACK_PYTHON=/py; DEVSTACK_CERT=$PWD/c.pem; start_tls_proxy api '*' 1 h 2
    touch c.pem; start_tls_proxy api 10.0.0.1 1 h 2 16384; stop_tls_proxy api
    """
    run = "<run_process><api-tls-proxy></py -m doitstack.services.tls_proxy"
    assert bash(script).lines == [
        *("authority", "certificate", f"{run} \\* 1 h 2 {bash.path}/c.pem 8190 >"),
        f"{run} 10.0.0.1 1 h 2 {bash.path}/c.pem 16384 >",
        "<stop_process><api-tls-proxy>",
    ]


def test_certificates_are_deployed(bash) -> None:
    script = """
    sudo() { "$@"; }; INT_CA_DIR=$PWD; mkdir private
    echo chain > ca-chain.pem; echo cert > devstack-cert.crt; echo key > private/devstack-cert.key
    deploy_int_CA a; deploy_int_cert b c; cat a b c
    """
    assert bash(script).lines == ["chain", "cert", "key"]


def test_settings_of_the_dashboard(bash) -> None:
    file = bash.path / "local_settings.py"
    file.write_text("A = 1\nD = {\n    'x': 1,\n    'y': 2,\n}\nAB = 2\n")
    bash("""
    f=local_settings.py; _horizon_config_set $f D x 10; _horizon_config_set $f D z "'w'"
    _horizon_config_set $f NEW k True; _horizon_config_set $f NEW l False; _horizon_config_set $f "" B "'b'"
    """)
    values: dict[str, object] = {}
    exec(file.read_text(), values)
    assert {name: values[name] for name in ("A", "AB", "B", "D", "NEW")} == {
        "A": 1,
        "AB": 2,
        "B": "b",
        "D": {"x": 10, "y": 2, "z": "w"},
        "NEW": {"k": True, "l": False},
    }


def test_settings_of_a_dashboard_without_a_tree_are_where_horizon_reads_them(bash) -> None:
    local = bash.path / "horizon" / "openstack_dashboard" / "local"
    (local / "local_settings.d").mkdir(parents=True)
    bash("""
    f=horizon/openstack_dashboard/local/local_settings.py
    _horizon_config_set $f NEW k True; _horizon_config_set $f "" B "'b'"
    """)
    values: dict[str, object] = {}
    exec((local / "local_settings.d" / "_90_local_settings.py").read_text(), values)
    assert (values["NEW"], values["B"]) == ({"k": True}, "b")
    assert not (local / "local_settings.py").exists()
