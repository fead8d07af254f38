"""The tides: a small API in the way of OpenStack's, with a database and users of Keystone.

GET / lists its versions to anybody, GET /v1 the tides to those who have a token. Called with a
configuration file, it makes its table.
"""

import configparser
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy
from keystonemiddleware.auth_token import AuthProtocol

TIDES = ("high", "low")


def read(path: str) -> configparser.RawConfigParser:
    conf = configparser.RawConfigParser()
    conf.read_string(Path(path).read_text().replace("$$", "$"))
    return conf


def connect(conf: configparser.RawConfigParser) -> Any:
    return sqlalchemy.create_engine(conf["database"]["connection"]).begin()


def make_table(conf: configparser.RawConfigParser) -> None:
    with connect(conf) as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS tides (name TEXT)"))
        connection.execute(sqlalchemy.text("DELETE FROM tides"))
        for name in TIDES:
            connection.execute(sqlalchemy.text("INSERT INTO tides VALUES (:name)"), {"name": name})


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/":
        status, body = "200 OK", {"versions": ["v1"]}
    elif environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
        status, body = "401 Unauthorized", {}
    else:
        with connect(read(environ["tides.conf"])) as connection:
            rows = connection.execute(sqlalchemy.text("SELECT name FROM tides ORDER BY name"))
            status, body = "200 OK", {"tides": [row.name for row in rows]}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


def make_application(path: str) -> Any:
    """Return the application with the configuration file `path`; tokens are checked by keystone."""
    options = {**read(path)["keystone_authtoken"], "delay_auth_decision": True}
    checked = AuthProtocol(answer, options)
    return lambda environ, start: checked({**environ, "tides.conf": path}, start)


if __name__ == "__main__":
    make_table(read(sys.argv[1].removeprefix("--config-file=")))
elif "OS_TIDES_CONFIG_DIR" in os.environ:
    application = make_application(f"{os.environ['OS_TIDES_CONFIG_DIR']}/tides.conf")
