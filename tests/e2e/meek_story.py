#!/usr/bin/env python3
"""meek: one stream as many HTTP requests, between our own ends and obfs4proxy's, plain and under TLS, through an upstream
proxy and behind nginx, and over connections that keep breaking."""
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest
from unittest import mock

from support import pt, socks
from support.peers import (Acceptor, BulkApp, LOOPBACK, Wire, closed_port, dial, echo, exchange, hears_end, noise,
                           read_exactly, read_to_end, sha256, shut)
from support.pt import OBFS4PROXY, PTPROXY, Child, Story, start_client, start_server, temp_dir, wait_until

PLACEHOLDER = ("192.0.2.3", 1)
MIB = 1024 * 1024
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


class Authority:
    """A certificate authority for the length of a test class, made with the openssl command."""

    def __init__(self, owner):
        self._folder = temp_dir(owner)
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")
        self.roots = self._folder / "ca.pem"

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True, timeout=60)

    def issue(self, names="DNS:localhost,IP:127.0.0.1"):
        """(certificate, key) of a server."""
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
                      "-keyout", "server.key", "-out", "server.csr")
        (self._folder / "names").write_text(f"subjectAltName={names}\n")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "2", "-extfile", "names", "-out", "server.pem")
        return self._folder / "server.pem", self._folder / "server.key"

    def trusted(self):
        """Programs that are started meanwhile trust this authority and no other."""
        return mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(self.roots), "SSL_CERT_DIR": "/nonexistent"})


class MeekStory(Story):
    def server(self, target, options="", **more):
        child = start_server(self, target, "meek", SERVER_TRANSPORT_OPTIONS=options or None, **more)
        return child, child.method("meek").address

    def client(self, program=PTPROXY, name="meek_lite", **more):
        child = start_client(self, name, program, **more)
        return child, child.method(name).address

    def connect(self, client, url, timeout=90, **arguments):
        return socks.connect(client, PLACEHOLDER, {"url": url, **arguments}, timeout)

    def assert_bulk(self, client, url, app, sent, amount, loses_its_tail=False, **arguments):
        """Both ways at the same time; `app` expects what we send.

        A client that loses its tail forgets what it has not yet sent when the application goes: it has to stay.
        """
        with self.connect(client, url, **arguments) as connection:
            got = exchange(connection, sent, amount)
            heard = app.digest() if loses_its_tail else None
        self.assertEqual(got, sha256(app.outgoing))
        self.assertEqual(heard or app.digest(), sha256(sent))

    def bulk_app(self, amount):
        up, down = noise(amount, 61), noise(amount, 62)
        return BulkApp(self, down, amount), up


class Ends(MeekStory):
    """Every pair of ends, plain and under TLS, 16 MiB each way."""

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority(cls)
        cls.certificate, cls.key = cls.authority.issue()

    def run_pair(self, program, tls, name="meek_lite"):
        amount = 16 * MIB
        app, up = self.bulk_app(amount)
        options = f"meek:cert={self.certificate};meek:key={self.key}" if tls else ""
        _, server = self.server(app.address, options)
        with self.authority.trusted():
            _, client = self.client(program, name)
        url = f"https://localhost:{server[1]}/" if tls else "http://%s:%d/" % server
        self.assert_bulk(client, url, app, up, amount, loses_its_tail=program == OBFS4PROXY)

    def test_our_client_plain(self):
        self.run_pair(PTPROXY, False)

    def test_our_client_under_tls(self):
        self.run_pair(PTPROXY, True, "meek")

    def test_obfs4proxy_s_client_plain(self):
        self.run_pair(OBFS4PROXY, False)

    def test_obfs4proxy_s_client_under_tls(self):
        self.run_pair(OBFS4PROXY, True)

    def test_a_certificate_that_nobody_signed_is_refused(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address, f"meek:cert={self.certificate};meek:key={self.key}")
        _, client = self.client()
        with self.assertRaises(socks.Refused) as refused:
            self.connect(client, f"https://localhost:{server[1]}/")
        self.assertEqual(refused.exception.code, 1)
        self.assertEqual(app.accepted, 0)

    def test_a_certificate_for_another_name_is_refused(self):
        app = Acceptor(self, echo)
        certificate, key = Authority.issue(self.authority, "DNS:elsewhere.invalid")
        self.addCleanup(self.authority.issue)
        _, server = self.server(app.address, f"meek:cert={certificate};meek:key={key}")
        with self.authority.trusted():
            _, client = self.client()
        with self.assertRaises(socks.Refused):
            self.connect(client, f"https://localhost:{server[1]}/")
        self.assertEqual(app.accepted, 0)

    def test_the_front_is_what_is_connected_to_and_checked(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address, f"meek:cert={self.certificate};meek:key={self.key}")
        with self.authority.trusted():
            child, client = self.client()
        with self.connect(client, "https://hidden.invalid/some/path?x=y", front=f"localhost:{server[1]}", utls="HelloFirefox_Auto") as stream:
            stream.sendall(b"to the front")
            self.assertEqual(read_exactly(stream, 12), b"to the front")
        child.expect("'utls' is not supported", "stderr")


class Conversation(MeekStory):
    def test_a_short_talk_is_quick_and_ends_on_both_sides(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address)
        _, client = self.client()
        with self.connect(client, "http://%s:%d/" % server) as stream:
            for turn in range(20):
                stream.sendall(b"turn %02d" % turn)
                self.assertEqual(read_exactly(stream, 7), b"turn %02d" % turn)
            stream.shutdown(socket.SHUT_WR)
            stream.settimeout(10)
            self.assertEqual(read_to_end(stream), b"")

    def test_the_server_app_s_end_reaches_either_client(self):
        def answer(connection):
            read_exactly(connection, 1)
            connection.sendall(b"bye" * 100000)

        for program in (PTPROXY, OBFS4PROXY):
            with self.subTest(program=program):
                app = Acceptor(self, answer)
                _, server = self.server(app.address)
                _, client = self.client(program)
                with self.connect(client, "http://%s:%d/" % server) as stream:
                    stream.sendall(b"?")
                    stream.settimeout(20)
                    self.assertEqual(read_to_end(stream), b"bye" * 100000)

    def test_a_half_closed_stream_still_brings_what_the_server_app_says(self):
        def count(connection):
            amount = len(read_to_end(connection))
            time.sleep(1)
            connection.sendall(b"%d" % amount)

        app = Acceptor(self, count)
        _, server = self.server(app.address)
        _, client = self.client()
        with self.connect(client, "http://%s:%d/" % server) as stream:
            stream.sendall(noise(300000, 63))
            stream.shutdown(socket.SHUT_WR)
            stream.settimeout(20)
            self.assertEqual(read_to_end(stream), b"300000")

    def test_an_application_that_reads_late_stops_nobody_and_loses_nothing(self):
        amount = 4 * MIB
        app, up = self.bulk_app(amount)
        _, server = self.server(app.address)
        _, client = self.client()
        with self.connect(client, "http://%s:%d/" % server) as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            stream.sendall(up)  # all of it, before the first byte is read
            time.sleep(1)
            self.assertEqual(sha256(read_exactly(stream, amount)), sha256(app.outgoing))
            self.assertEqual(app.digest(), sha256(up))

    def test_many_sessions_at_once(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address)
        _, client = self.client()
        streams = [self.connect(client, "http://%s:%d/" % server) for _ in range(50)]
        for number, stream in enumerate(streams):
            stream.sendall(b"session %04d" % number)
        for number, stream in enumerate(streams):
            self.assertEqual(read_exactly(stream, 12), b"session %04d" % number)
            stream.close()

    def test_arguments_that_will_not_do(self):
        _, client = self.client()
        for arguments in ({"front": "x"}, {"url": "ftp://127.0.0.1/"}, {"url": "127.0.0.1"}, {"url": "http://"},
                          {"url": "http://127.0.0.1:0/"}, {"url": "http://a/", "front": "b:c"}):
            with self.subTest(arguments=arguments), self.assertRaises(socks.Refused) as refused:
                socks.connect(client, PLACEHOLDER, arguments)
            self.assertEqual(refused.exception.code, 1)

    def test_a_server_that_is_not_there_is_told(self):
        _, client = self.client()
        with self.assertRaises(socks.Refused) as refused:
            self.connect(client, "http://%s:%d/" % closed_port())
        self.assertEqual(refused.exception.code, 5)

    def test_both_ends_stop_while_a_session_is_open(self):
        app = Acceptor(self, echo)
        server_child, server = self.server(app.address)
        client_child, client = self.client()
        with self.connect(client, "http://%s:%d/" % server) as stream:
            stream.sendall(b"open")
            self.assertEqual(read_exactly(stream, 4), b"open")
            self.stop(client_child)
            self.assertTrue(hears_end(stream, 5))
        self.stop(server_child)


class Frail(Acceptor):
    """A relay whose connections break, each after some amount of bytes in one direction; the last one of them in the
    middle of a response as often as in the middle of a request."""

    def __init__(self, owner, target, seed, most):
        self._target, self._random, self._most = target, random.Random(seed), most
        self.broken = 0
        super().__init__(owner, self._join)

    def _join(self, client):
        left = {"up": self._random.randrange(1, self._most), "down": self._random.randrange(1, self._most)}
        how = self._random.choice(("reset", "end"))
        with dial(self._target) as server:
            def pump(source, sink, direction):
                try:
                    while piece := source.recv(16384):
                        sink.sendall(piece[:left[direction]])
                        left[direction] -= len(piece)
                        if left[direction] <= 0:
                            self.broken += 1
                            if how == "reset":
                                for end in (client, server):
                                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            break
                except OSError:
                    pass
                for end in (client, server):
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

            back = threading.Thread(target=pump, args=(server, client, "down"), daemon=True)
            back.start()
            pump(client, server, "up")
            back.join()


class BrokenConnections(MeekStory):
    def carry(self, seed, most, amount):
        app, up = self.bulk_app(amount)
        _, server = self.server(app.address)
        frail = Frail(self, server, seed, most)
        _, client = self.client()
        self.assert_bulk(client, "http://%s:%d/" % frail.address, app, up, amount)
        return frail.broken

    def test_no_byte_is_lost_or_doubled(self):
        self.assertGreater(self.carry(71, 2 * MIB, 16 * MIB), 8)

    def test_not_even_when_most_requests_fail(self):
        for seed in range(72, 75):
            self.assertGreater(self.carry(seed, 200000, MIB // 2), 2)

    def test_a_break_in_silence_costs_nothing(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address)
        way = Wire(self, server)
        _, client = self.client()
        with self.connect(client, "http://%s:%d/" % way.address) as stream:
            for turn in range(5):
                stream.sendall(b"%d" % turn)
                self.assertEqual(read_exactly(stream, 1), b"%d" % turn)
                with way._lock:
                    for connection in list(way._open):
                        connection.shutdown(socket.SHUT_RDWR)
                time.sleep(0.2)
        self.assertGreater(way.accepted, 4)

    def test_a_server_that_comes_back_without_the_session_ends_it(self):
        app = Acceptor(self, echo)
        child, server = self.server(app.address)
        _, client = self.client()
        with self.connect(client, "http://%s:%d/" % server) as stream:
            stream.sendall(b"x")
            self.assertEqual(read_exactly(stream, 1), b"x")
            self.stop(child)
            again = start_server(self, app.address, "meek", SERVER_BINDADDR="meek-%s:%d" % server)
            again.method("meek")
            self.assertTrue(hears_end(stream, 20))
        self.assertEqual(app.accepted, 1)


class ThroughTinyproxy(MeekStory):
    def tinyproxy(self):
        port = closed_port()[1]
        folder = temp_dir(self)
        config = folder / "tinyproxy.conf"
        config.write_text(f"Port {port}\nListen {LOOPBACK}\nTimeout 600\nMaxClients 50\nAllow {LOOPBACK}\nLogLevel Connect\n"
                          f"LogFile \"{folder}/log\"\nPidFile \"{folder}/pid\"\n")
        child = Child([shutil.which("tinyproxy") or "/usr/bin/tinyproxy", "-d", "-c", config])
        self.addCleanup(child.end)

        def answers():
            try:
                dial((LOOPBACK, port), 1).close()
                return True
            except OSError:
                return False

        wait_until(answers, 15, "tinyproxy")
        return f"http://{LOOPBACK}:{port}", folder / "log"

    def test_everything_goes_through_it(self):
        authority = Authority(self)
        certificate, key = authority.issue()
        proxy, log = self.tinyproxy()
        for tls in (False, True):
            with self.subTest(tls=tls):
                amount = 16 * MIB
                app, up = self.bulk_app(amount)
                _, server = self.server(app.address, f"meek:cert={certificate};meek:key={key}" if tls else "")
                with authority.trusted():
                    child = start_client(self, "meek_lite", PROXY=proxy)
                child.expect("^PROXY DONE$")
                url = f"https://localhost:{server[1]}/" if tls else "http://%s:%d/" % server
                self.assert_bulk(child.method("meek_lite").address, url, app, up, amount)
                self.assertIn(f":{server[1]} ", log.read_text())


class BehindNginx(MeekStory):
    def nginx(self, backend, tls=None):
        """Debian's nginx with its default proxy_pass: HTTP/1.0 and a connection for each request."""
        folder, port = temp_dir(self), closed_port()[1]
        secured = f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""
        (folder / "nginx.conf").write_text(f"""
            daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 512; }}
            http {{
              access_log off;
              client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
              fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
              server {{
                listen {LOOPBACK}:{port} {"ssl" if tls else ""}; {secured}
                location / {{
                  proxy_pass http://{backend[0]}:{backend[1]};
                  proxy_set_header X-Forwarded-For $remote_addr;
                }}
              }}
            }}""")
        child = Child([NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
        self.addCleanup(child.end)

        def answers():
            try:
                dial((LOOPBACK, port), 1).close()
                return True
            except OSError:
                return False

        wait_until(answers, 15, "nginx")
        return port

    def run_behind(self, program, tls):
        amount = 16 * MIB
        app, up = self.bulk_app(amount)
        _, server = self.server(app.address, "meek:trust-forwarded-for=x-forwarded-for")
        authority = Authority(self)
        port = self.nginx(server, authority.issue() if tls else None)
        with authority.trusted():
            _, client = self.client(program)
        self.assert_bulk(client, f"{'https' if tls else 'http'}://localhost:{port}/", app, up, amount)

    def test_our_client_plain(self):
        self.run_behind(PTPROXY, False)

    def test_our_client_under_tls(self):
        self.run_behind(PTPROXY, True)

    def test_obfs4proxy_s_client(self):
        self.run_behind(OBFS4PROXY, False)

    def test_broken_connections_in_front_of_it(self):
        amount = 2 * MIB
        app, up = self.bulk_app(amount)
        _, server = self.server(app.address, "meek:trust-forwarded-for=x-forwarded-for")
        frail = Frail(self, (LOOPBACK, self.nginx(server)), 81, 300000)
        _, client = self.client()
        self.assert_bulk(client, "http://%s:%d/" % frail.address, app, up, amount)
        self.assertGreater(frail.broken, 4)


class Website(MeekStory):
    """What a visitor without a session sees."""

    def ask(self, address, request):
        with dial(address) as connection:
            connection.sendall(request)
            connection.settimeout(10)
            return read_to_end(connection)

    def test_a_visitor_gets_a_harmless_page(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address)
        page = self.ask(server, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertTrue(page.startswith(b"HTTP/1.1 200 OK\r\n"), page)
        self.assertIn(b"Content-Type: text/plain", page)
        for request, status in ((b"GET /other HTTP/1.0\r\n\r\n", 404), (b"HEAD / HTTP/1.0\r\n\r\n", 400),
                                (b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", 400),
                                (b"POST / HTTP/1.0\r\nX-Session-Id: short\r\n\r\n", 400),
                                (b"POST / HTTP/1.0\r\nX-Session-Id: long enough\r\n\r\n", 400),
                                (b"POST / HTTP/1.0\r\nX-Session-Id: 12345678\r\nContent-Length: 70000\r\n\r\n", 413),
                                (b"nonsense\r\n\r\n", 400)):
            self.assertTrue(self.ask(server, request).startswith(b"HTTP/1.1 %d " % status), request)
        self.assertEqual(app.accepted, 0)

    def test_sessions_behind_a_path_of_their_own(self):
        app = Acceptor(self, echo)
        _, server = self.server(app.address, "meek:path=/so/secret")
        refused = self.ask(server, b"POST / HTTP/1.0\r\nX-Session-Id: 12345678\r\n\r\n")
        self.assertTrue(refused.startswith(b"HTTP/1.1 404 "), refused)
        self.assertEqual(app.accepted, 0)
        _, client = self.client()
        with self.connect(client, "http://%s:%d/so/secret" % server) as stream:
            stream.sendall(b"found")
            self.assertEqual(read_exactly(stream, 5), b"found")

    def test_options_that_will_not_do(self):
        for options in ("meek:cert=/nonexistent", "meek:cert=/nonexistent;meek:key=/nonexistent", "meek:turnaround=-1",
                        "meek:trust-forwarded-for=yes", "meek:path=x", "meek:max-sessions=0"):
            with self.subTest(options=options):
                child = start_server(self, closed_port(), "meek", SERVER_TRANSPORT_OPTIONS=options)
                child.expect("^SMETHOD-ERROR meek ", "stderr")

    def test_the_alias_is_no_server(self):
        child = start_server(self, closed_port(), "meek_lite")
        child.expect("^SMETHOD-ERROR meek_lite ", "stderr")


if __name__ == "__main__":
    for tool in (NGINX, shutil.which("tinyproxy") or "/usr/bin/tinyproxy", shutil.which("openssl") or "openssl"):
        if not pathlib.Path(tool).exists():
            exit(f"there is no program {tool}")
    pt.main()
