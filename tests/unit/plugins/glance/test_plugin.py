"""Glance's functions, with its programs only recorded."""

import configparser
import stat
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb
from doitstack_plugins.glance.plugin import plugin as glance
from tests.unit.recorded_actions import RecordedActions, make_stack

pytestmark = pytest.mark.usefixtures("no_fork_server")


def make(tmp_path: Path, **environ: str) -> Stack:
    stack = make_stack(
        tmp_path,
        ENABLED_SERVICES="key,g-api",
        SERVICE_PASSWORD="p$% w",
        MEMCACHED_PORT="1",
        **environ,
    )
    glance.source(stack.settings)
    return stack


def read(path: Path) -> configparser.RawConfigParser:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = configparser.RawConfigParser()
    conf.read(path)
    return conf


def test_configuration_is_private_and_complete(tmp_path: Path) -> None:
    stack = make(tmp_path)
    glance.configure(stack)
    conf = read(stack.data_dir / "glance" / "etc" / "glance-api.conf")
    assert conf["database"]["connection"] == f"sqlite:///{stack.data_dir}/glance/glance.db"
    assert conf["database"]["sqlite_synchronous"] == "false"
    assert conf["keystone_authtoken"]["password"] == "p$$% w"
    assert conf["keystone_authtoken"]["interface"] == "public"


def test_an_upload_in_pieces_of_a_mebibyte_is_taken(tmp_path: Path) -> None:
    options = glance.wsgi_service(make(tmp_path)).options
    limit = int(options[options.index("--chunked-input-limit") + 1])
    assert limit > 2**20 + len("100000\r\n\r\n")


def test_a_new_database_has_no_images(tmp_path: Path) -> None:
    stack = make(tmp_path)
    image = stack.data_dir / "glance" / "images" / "one"
    for made in (True, False):
        image.parent.mkdir(parents=True, exist_ok=True)
        image.touch()
        with stack.acting(RecordedActions(lambda program: None)):
            glance.init(stack)
        assert image.exists() is not made
        assert mariadb.database_id(stack, "glance")


def test_images_of_the_settings_are_uploaded(tmp_path: Path) -> None:
    stack = make(tmp_path, IMAGE_URLS="http://a/1,http://a/2 http://b/3")
    upload = list(glance.stack_extra(stack))[-1]
    assert upload.command == (
        "upload_image http://a/1 && upload_image http://a/2 && upload_image http://b/3"
    )
    assert upload.waits == ("start_glance",)


def test_cirros_is_downloaded_if_that_is_wanted(tmp_path: Path) -> None:
    assert make(tmp_path).settings["IMAGE_URLS"] == ""
    wanted = {"DOWNLOAD_DEFAULT_IMAGES": "True", "CIRROS_VERSION": "9"}
    settings = make(tmp_path, **wanted).settings
    assert settings["IMAGE_URLS"].endswith("/9/cirros-9-x86_64-disk.img")
    assert settings["DEFAULT_IMAGE_NAME"] == "cirros-9-x86_64-disk"
    other = make(tmp_path, IMAGE_URLS="http://a/1", **wanted).settings
    assert other["IMAGE_URLS"] == "http://a/1"
    assert "DEFAULT_IMAGE_NAME" not in other
