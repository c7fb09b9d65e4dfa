#!/usr/bin/env python3
"""Moves 100 MiB from a small HTTP app through an obfs4 server and client, and compares what arrives."""
import hashlib
import http.client
import http.server
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

MEBIBYTE = 1 << 20
SIZE = 100 * MEBIBYTE


class DemoApp(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the same 100 MiB."""

    payload = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.payload)))
        self.end_headers()
        self.wfile.write(self.payload)

    def log_message(self, *_):
        pass


class Ptproxy:
    """A ptproxy that ends when its stdin is closed, as under any parent."""

    def __init__(self, program, state, *flags):
        self.process = subprocess.Popen(
            [program, "-exit-on-stdin-close", "-state", state, *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def announced(self, pattern):
        """The match of the first line like `pattern`."""
        for line in self.process.stdout:
            found = re.match(pattern, line)
            if found:
                return found
        raise SystemExit(f"ptproxy ended: {self.process.stderr.read()}")

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def fetch(port):
    """Downloads with a progress bar; the digest and the seconds it took."""
    digest, received, shown = hashlib.sha256(), 0, -1
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    answer = connection.getresponse()
    while part := answer.read(256 * 1024):
        digest.update(part)
        received += len(part)
        percent = received * 100 // SIZE
        if percent != shown and (sys.stdout.isatty() or percent % 25 == 0):
            shown = percent
            bar = "#" * (percent * 40 // 100)
            end = "\r" if sys.stdout.isatty() and percent < 100 else "\n"
            print(f"[{bar:<40}] {percent:3} %  {received // MEBIBYTE} MiB", end=end, flush=True)
    connection.close()
    return digest.hexdigest(), time.monotonic() - began


def main(program):
    DemoApp.payload = random.Random(time.time_ns()).randbytes(SIZE)
    app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), DemoApp)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    children = []
    with tempfile.TemporaryDirectory(prefix="ptproxy-quickstart-") as state:
        try:
            children.append(Ptproxy(program, os.path.join(state, "server"), "-server", "-transports", "obfs4",
                                    "-bindaddr", "obfs4-127.0.0.1:0", "-orport", f"127.0.0.1:{app.server_port}"))
            address, cert = children[0].announced(r"SMETHOD obfs4 (\S+) ARGS:cert=([^,]+),iat-mode=0").groups()
            children.append(Ptproxy(program, os.path.join(state, "client"), "-client", "-transports", "obfs4",
                                    "-mode", "transparent-TCP", "-target", address,
                                    "-options", f"cert={cert};iat-mode=0"))
            port = int(children[1].announced(r"CMETHOD obfs4 transparent-TCP \S+:(\d+)")[1])
            arrived, seconds = fetch(port)
        finally:
            for child in reversed(children):
                child.end()
    app.shutdown()

    sent = hashlib.sha256(DemoApp.payload).hexdigest()
    print(f"SHA-256 sent     {sent}\nSHA-256 arrived  {arrived}")
    if arrived != sent:
        raise SystemExit("the bytes that arrived are not those that were sent")
    print(f"Identical. {SIZE / MEBIBYTE / seconds:.0f} MiB/s through obfs4.")
    print(f"Bridge line: Bridge obfs4 {address} cert={cert} iat-mode=0")
    print("In a bridge's torrc:  ServerTransportPlugin obfs4 exec /usr/local/bin/ptproxy")
    print("In a client's torrc:  ClientTransportPlugin obfs4 exec /usr/local/bin/ptproxy")


if __name__ == "__main__":
    main(sys.argv[1])
