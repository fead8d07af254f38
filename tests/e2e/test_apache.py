"""Apache itself serves the sites of scripts. It is installed if it is missing."""

import os
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir
from tests.integration.bash.scripts import in_phase, said
from tests.ports import free_port

SCRIPT = """\
write_local_proxy_http_config api http://127.0.0.1:{api} /baremetal
wget --no-proxy -q -O- http://$SERVICE_HOST:$APACHE_PORT/baremetal/hello
cat > $(apache_site_config_for files) <<END
Listen {files}
<VirtualHost *:{files}>
    DocumentRoot "{public}"
    <Directory "{public}">
        Order allow,deny
        Allow from all
        Require all granted
    </Directory>
    CustomLog $APACHE_LOG_DIR/files.log "%r"
</VirtualHost>
END
enable_apache_site files
restart_apache_server
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that www-data, as whom Apache answers, may read."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "image").write_text("of the files\n")
        yield Path(name)


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install packages")
def test_apache_serves_the_sites_of_scripts(stack_dir: MakeStackDir, public: Path) -> None:
    front, api, files = free_port(), free_port(), free_port()
    serve = f'run_process web "$DOITSTACK_PYTHON -m http.server -b 127.0.0.1 {api} -d $TOP_DIR"\n'
    script = in_phase("stack extra", serve + SCRIPT.format(api=api, files=files, public=public))
    stack = stack_dir(
        {
            "local.conf": f"[[local|localrc]]\nAPACHE_PORT={front}\n",
            "extras.d/50-web.sh": script,
            "hello": "of the API\n",
        },
        services="web",
    )
    for _ in range(2):
        assert said(stack.run("stack").ok())[-1] == "of the API"
        with urllib.request.urlopen(f"http://127.0.0.1:{files}/image") as answer:
            assert answer.read() == b"of the files\n"
    assert (stack.dest / "logs" / "files.log").read_text() == 2 * "GET /image HTTP/1.1\n"
    stack.run("unstack").ok()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{front}/")
