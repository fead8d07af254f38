"""The almanac: answers each GET with the days that its data directory has."""

import configparser
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

conf = configparser.ConfigParser(interpolation=None)
conf.read(sys.argv[1])
DAYS = Path(conf["DEFAULT"]["data_dir"]) / "days.txt"


class Days(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = DAYS.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(conf["DEFAULT"]["bind_port"])), Days).serve_forever()
