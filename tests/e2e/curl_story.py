"""curl through the client in each of its SOCKS dialects, to a web server behind a transport's server."""
import http.server
import shutil
import socket
import subprocess
import threading
import unittest

from support import pt
from support.peers import LOOPBACK, closed_port
from support.pt import Story, bare_environment, on_exit, start_client, start_server

PAGE = b"the page behind the bridge\n" * 4000

# How curl reports a SOCKS refusal: its exit code 97, and the code or its meaning in the message.
REFUSED = 97


def serve_page(owner):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    on_exit(owner, server.server_close)
    on_exit(owner, server.shutdown)
    return server.server_address


class CurlStory(Story):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("curl"):
            raise unittest.SkipTest("curl is not installed")
        cls.page = serve_page(cls)
        cls.child = start_client(cls, "dummy,obfs4")
        cls.methods = cls.child.methods()
        cls.dummy = start_server(cls, cls.page, "dummy").method("dummy").address
        cls.obfs4 = start_server(cls, cls.page, "obfs4").method("obfs4")
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
            cls.dummy6 = start_server(cls, cls.page, "dummy", SERVER_BINDADDR="dummy-[::1]:0").method("dummy").address
        except OSError:
            cls.dummy6 = None

    def curl(self, transport, dialect, bridge, *more):
        host, port = bridge
        proxy = "%s:%d" % self.methods[transport].address
        return subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--noproxy", "", "--max-time", "20", f"--{dialect}", proxy, *more,
             f"http://{f'[{host}]' if ':' in host else host}:{port}/"],
            capture_output=True, timeout=30, env=bare_environment())

    def assert_page(self, *words):
        done = self.curl(*words)
        self.assertEqual((done.returncode, done.stdout), (0, PAGE), done.stderr)

    def assert_refused(self, *words):
        done = self.curl(*words)
        self.assertEqual((done.returncode, done.stdout), (REFUSED, b""), done.stderr)
        return done.stderr.decode()

    def login(self, arguments):
        """The arguments as curl can say them: it sends no empty password, and no 256th byte of a user."""
        text = ";".join(f"{key}={value}" for key, value in arguments.items())
        return "--proxy-user", f"{text[:-1]}:{text[-1]}"


class Dialects(CurlStory):
    def test_socks4_takes_ipv4(self):
        self.assert_page("dummy", "socks4", self.dummy)
        self.assert_page("dummy", "socks4", ("localhost", self.dummy[1]), "--ipv4")

    def test_socks4a_takes_names(self):
        self.assert_page("dummy", "socks4a", self.dummy)
        self.assert_page("dummy", "socks4a", ("localhost", self.dummy[1]))

    def test_socks5_takes_addresses_of_both_families(self):
        self.assert_page("dummy", "socks5", self.dummy)
        if not self.dummy6:
            self.skipTest("no IPv6 loopback on this machine")
        self.assert_page("dummy", "socks5", self.dummy6)

    def test_socks5_hostname_takes_names_and_addresses(self):
        self.assert_page("dummy", "socks5-hostname", ("localhost", self.dummy[1]))
        self.assert_page("dummy", "socks5-hostname", self.dummy)
        if self.dummy6:
            self.assert_page("dummy", "socks5-hostname", self.dummy6)

    def test_mode_socks4_is_the_same_listener(self):
        child = start_client(self, "dummy", flags=["-mode", "socks4"])
        method = child.method("dummy")
        self.assertEqual(method.protocol, "socks4")
        self.methods = {"dummy": method}
        for dialect in ("socks4", "socks4a", "socks5", "socks5-hostname"):
            self.assert_page("dummy", dialect, self.dummy)


class ProxyUser(CurlStory):
    def test_obfs4_arguments_over_socks5(self):
        for dialect in ("socks5", "socks5-hostname"):
            self.assert_page("obfs4", dialect, self.obfs4.address, *self.login(self.obfs4.arguments))
        self.assert_page("obfs4", "socks5-hostname", ("localhost", self.obfs4.address[1]), *self.login(self.obfs4.arguments))

    def test_obfs4_arguments_as_the_user_of_socks4(self):
        text = ";".join(f"{key}={value}" for key, value in self.obfs4.arguments.items())
        for dialect in ("socks4", "socks4a"):
            self.assert_page("obfs4", dialect, self.obfs4.address, "--proxy-user", f"{text}:")


class Refusals(CurlStory):
    def test_curl_hears_what_was_wrong(self):
        for dialect in ("socks5", "socks5-hostname"):
            self.assertIn("(5)", self.assert_refused("dummy", dialect, closed_port()))
        self.assertIn("(1)", self.assert_refused("obfs4", "socks5", self.obfs4.address))
        for dialect in ("socks4", "socks4a"):
            self.assertIn("(91)", self.assert_refused("dummy", dialect, closed_port()))
            self.assertIn("(91)", self.assert_refused("obfs4", dialect, self.obfs4.address))
        with self.subTest("and the next one is served"):
            self.assert_page("dummy", "socks5", self.dummy)


if __name__ == "__main__":
    pt.main()
