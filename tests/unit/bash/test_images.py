"""Images given to Glance, from files and by download."""

import bz2
import gzip
import io
import lzma
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

QCOW2 = b"QFI\xfb and the rest"
RAW = b"\x00" * 100_000

# Knows the images in `known`; keeps what it is given as `uploaded`, beside its arguments.
OPENSTACK = """
echo "$*" >> {path}/calls
case $* in
    *" show "*) grep -qx -- "${{@: -5:1}}" {path}/known ;;
    *" create "*) cat > {path}/uploaded; echo its-id ;;
esac
"""


@pytest.fixture
def glance(bash):
    bash.program("openstack", OPENSTACK.format(path=bash.path))
    (bash.path / "known").write_text("")
    return bash


def _created(bash) -> list[str]:
    calls = (bash.path / "calls").read_text().splitlines()
    return [call.partition(" image create ")[2] for call in calls if " create " in call]


@pytest.mark.parametrize(
    ("name", "data", "image", "disk_format"),
    [
        ("cirros.img", QCOW2, "cirros", "qcow2"),
        ("plain.img", RAW, "plain", "raw"),
        ("zipped.img.gz", gzip.compress(RAW), "zipped", "raw"),
        ("zipped.qcow2.xz", lzma.compress(QCOW2), "zipped", "qcow2"),
        ("zipped.img.bz2", bz2.compress(QCOW2), "zipped", "qcow2"),
        ("disk.v1.vmdk", RAW, "disk.v1", "vmdk"),
        ("cd.iso", RAW, "cd", "iso"),
    ],
)
def test_file_is_uploaded_unpacked(
    glance, name: str, data: bytes, image: str, disk_format: str
) -> None:
    (glance.path / name).write_bytes(data)

    said = glance.says(f"upload_image file://{glance.path}/{name}")

    assert said == "its-id"
    assert _created(glance) == [
        f"{image} --public -f value -c id --container-format bare --disk-format {disk_format}"
    ]
    assert (glance.path / "uploaded").read_bytes() == (QCOW2 if disk_format == "qcow2" else RAW)


def _pack(archive: Path, *names: str) -> None:
    """Write an archive of files, each of which has its name as content."""
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            about = tarfile.TarInfo(name)
            about.size = len(name)
            tar.addfile(about, io.BytesIO(name.encode()))


@pytest.mark.parametrize("end", ["tar.gz", "tgz"])
def test_kernel_and_ramdisk_of_an_archive_are_images_of_their_own(glance, end: str) -> None:
    _pack(glance.path / f"c-uec.{end}", "c-blank.img", "c-vmlinuz", "c-initrd")
    unpacked = glance.path / "dest" / "data" / "images"
    # of an upload that was killed
    (unpacked / "c-uec").mkdir(parents=True)
    (unpacked / "c-uec" / "a-vmlinuz").touch()
    glance.program(
        "openstack",
        f"""
        echo "$*" >> {glance.path}/calls
        file={glance.path}/$5.id
        case $* in *" create "*) cat > "$file"; echo made ;; *) cat "$file" ;; esac
        """,
    )

    assert glance.says(f"REGION_NAME=; upload_image file://{glance.path}/c-uec.{end}") == "made"

    rest = "--public -f value -c id --container-format {0} --disk-format {0}"
    assert _created(glance) == [
        f"c-uec-kernel {rest.format('aki')}",
        f"c-uec-ramdisk {rest.format('ari')}",
        f"c-uec {rest.format('ami')} --property kernel_id=c-vmlinuz --property ramdisk_id=c-initrd",
    ]
    assert (glance.path / "c-uec.id").read_text() == "c-blank.img"
    assert list(unpacked.iterdir()) == []
    assert not (glance.path / "dest" / "files").exists()


def test_image_of_that_name_stays(glance) -> None:
    (glance.path / "known").write_text("cirros\n")
    (glance.path / "cirros.img").write_bytes(QCOW2)

    assert "already exists" in glance.says(f"upload_image file://{glance.path}/cirros.img")
    assert _created(glance) == []


@pytest.mark.parametrize(
    ("url", "code", "word"),
    [
        ("file:///nowhere/x.img", 1, "does not exist"),
        ("file://{}/x.zip", 1, "unknown image format"),
        ("file://{}/x.tar.gz", 2, "cannot unpack"),
        ("file://{}/empty.tgz", 1, "there is no disk in"),
    ],
)
def test_impossible_upload_is_an_error(glance, url: str, code: int, word: str) -> None:
    (glance.path / "x.zip").write_bytes(RAW)
    (glance.path / "x.tar.gz").write_bytes(RAW)
    _pack(glance.path / "empty.tgz", "readme")

    done = glance(f"upload_image {url.format(glance.path)}", code=code)

    assert word in done.err + done.out
    assert not (glance.path / "calls").exists()


@pytest.fixture
def site(bash) -> Iterator[str]:
    """An HTTP server on the files of the test."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(bash.path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_image_is_downloaded_once(glance, site: str) -> None:
    (glance.path / "cirros.img").write_bytes(QCOW2)
    glance(f"FILES=$PWD/files; upload_image {site}/cirros.img")
    (glance.path / "cirros.img").unlink()

    glance(f"FILES=$PWD/files; upload_image {site}/cirros.img")

    assert len(_created(glance)) == 2
    assert [path.name for path in (glance.path / "files").iterdir()] == ["cirros.img"]


def test_failed_download_leaves_no_image(glance, site: str) -> None:
    done = glance(f"FILES=$PWD/files; upload_image {site}/nothing.img", code=22)

    assert "cannot download" in done.err + done.out
    assert not (glance.path / "files" / "nothing.img").exists()
