"""The client behind an upstream proxy: what it says to each kind, and that it never goes around it."""
import base64
import struct
import threading

from support import pt, socks
from support.peers import Acceptor, closed_port, dial, echo, noise, read_exactly
from support.pt import Story, start_client, start_server


class UpstreamProxy(Acceptor):
    """A proxy of one kind, which keeps what it was asked. `refuse` is what it says instead of going on."""

    def __init__(self, owner, kind, refuse=None, login=None, glued=b"", goes_to=None):
        self._kind, self._refuse, self._login, self._glued, self._goes_to = kind, refuse, login, glued, goes_to
        self.asked, self.logins = [], []
        super().__init__(owner, getattr(self, f"_{kind}"))

    @property
    def uri(self):
        return "%s://%s%s:%d" % (self._kind, f"{self._login}@" if self._login else "", *self.address)

    def _join(self, client, target, success):
        with dial(self._goes_to or target) as server:
            client.sendall(success + self._glued)
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    @staticmethod
    def _pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(1)
        except OSError:
            pass

    @staticmethod
    def _until(client, end):
        got = b""
        while not got.endswith(end):
            got += read_exactly(client, 1)
        return got

    def _http(self, client):
        head = self._until(client, b"\r\n\r\n").decode()
        self.asked.append(head)
        if self._refuse:
            client.sendall(self._refuse)
            return
        host, port = head.split(" ")[1].rsplit(":", 1)
        self._join(client, (host.strip("[]"), int(port)), b"HTTP/1.1 200 Go ahead\r\nVia: x\r\n\r\n")

    def _socks4a(self, client):
        version, command, port = struct.unpack(">BBH", read_exactly(client, 4))
        address = read_exactly(client, 4)
        self.logins.append(self._until(client, b"\0")[:-1])
        named = address[:3] == b"\0\0\0" and address[3:] != b"\0"
        host = self._until(client, b"\0")[:-1].decode() if named else ".".join(map(str, address))
        self.asked.append((version, command, host, port))
        if self._refuse:
            client.sendall(self._refuse)
            return
        self._join(client, (host, port), b"\0\x5a" + bytes(6))

    def _socks5(self, client):
        _, amount = read_exactly(client, 2)
        methods = read_exactly(client, amount)
        chosen = 2 if self._login else 0
        if chosen not in methods:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, chosen]))
        if chosen == 2:
            user = read_exactly(client, read_exactly(client, 2)[1])
            password = read_exactly(client, read_exactly(client, 1)[0])
            self.logins.append((user, password))
            client.sendall(b"\x01\x00")
        kind = read_exactly(client, 4)
        size = {1: 4, 4: 16}.get(kind[3]) or read_exactly(client, 1)[0]
        raw = read_exactly(client, size)
        port = struct.unpack(">H", read_exactly(client, 2))[0]
        host = ".".join(map(str, raw)) if kind[3] == 1 else raw.decode("latin-1")
        self.asked.append((kind[3], host, port))
        if self._refuse:
            client.sendall(self._refuse)
            return
        self._join(client, (host, port), b"\x05\x00\x00\x03\x04here\x00\x50")


class UpstreamStory(Story):
    def client(self, proxy, transport="dummy"):
        child = start_client(self, transport, PROXY=proxy if isinstance(proxy, str) else proxy.uri)
        child.expect(r"^PROXY DONE$")
        return child.method(transport).address

    def assert_echo(self, connection):
        data = noise(50000, 51)
        connection.sendall(data)
        self.assertEqual(read_exactly(connection, len(data)), data)


class Kinds(UpstreamStory):
    def test_each_kind_carries_a_bridge_connection(self):
        app = Acceptor(self, echo)
        bridge = start_server(self, app.address, "obfs4").method("obfs4")
        for kind in ("http", "socks4a", "socks5"):
            with self.subTest(kind=kind):
                proxy = UpstreamProxy(self, kind)
                with socks.connect(self.client(proxy, "obfs4"), bridge.address, bridge.arguments) as connection:
                    self.assert_echo(connection)
                self.assertEqual(proxy.accepted, 1)

    def test_names_are_left_to_the_proxy(self):
        app = Acceptor(self, echo)
        name = ("bridge.invalid", 4433)
        for kind in ("http", "socks4a", "socks5"):
            with self.subTest(kind=kind):
                proxy = UpstreamProxy(self, kind, goes_to=app.address)
                with socks.connect(self.client(proxy), name) as connection:
                    self.assert_echo(connection)
                if kind == "http":
                    self.assertEqual(proxy.asked[0].split("\r\n")[:2],
                                     ["CONNECT bridge.invalid:4433 HTTP/1.1", "Host: bridge.invalid:4433"])
                else:
                    self.assertEqual(proxy.asked[0][-2:], name)

    def test_what_each_kind_is_told(self):
        app = Acceptor(self, echo)
        host, port = app.address
        for kind, login in (("http", "us%20er:p%3aw"), ("socks4a", "someone"), ("socks5", "us%20er:p%40w")):
            proxy = UpstreamProxy(self, kind, login=login)
            with socks.connect(self.client(proxy), app.address) as connection:
                self.assert_echo(connection)
            if kind == "http":
                lines = proxy.asked[0].split("\r\n")
                self.assertEqual(lines[0], f"CONNECT {host}:{port} HTTP/1.1")
                self.assertIn("Proxy-Authorization: Basic " + base64.b64encode(b"us er:p:w").decode(), lines)
                self.assertNotIn("user-agent", proxy.asked[0].lower())
            elif kind == "socks4a":
                self.assertEqual(proxy.asked, [(4, 1, host, port)])
                self.assertEqual(proxy.logins, [b"someone"])
            else:
                self.assertEqual(proxy.asked, [(1, host, port)])
                self.assertEqual(proxy.logins, [(b"us er", b"p@w")])

    def test_credentials_as_tor_pastes_them(self):
        app = Acceptor(self, echo)
        proxy = UpstreamProxy(self, "socks5", login="us:er@x:pa/s%s:w")
        with socks.connect(self.client(proxy), app.address) as connection:
            self.assert_echo(connection)
        self.assertEqual(proxy.logins, [(b"us", b"er@x:pa/s%s:w")])

    def test_bytes_behind_the_proxy_s_answer_belong_to_the_tunnel(self):
        app = Acceptor(self, echo)
        for kind in ("http", "socks4a", "socks5"):
            proxy = UpstreamProxy(self, kind, glued=b"at once")
            with socks.connect(self.client(proxy), app.address) as connection:
                self.assertEqual(read_exactly(connection, 7), b"at once")
                self.assert_echo(connection)


class FailsClosed(UpstreamStory):
    def assert_refused(self, proxy, target, code):
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(self.client(proxy), target, timeout=20)
        self.assertEqual(refused.exception.code, code)

    def test_no_proxy_no_connection(self):
        app = Acceptor(self, echo)
        for kind in ("http", "socks4a", "socks5"):
            self.assert_refused("%s://%s:%d" % (kind, *closed_port()), app.address, 5)
        self.assertEqual(app.accepted, 0)

    def test_a_refusing_proxy_is_not_gone_around(self):
        app = Acceptor(self, echo)
        answers = [("http", b"HTTP/1.1 403 No\r\n\r\n", 1),
                   ("http", b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", 1),
                   ("http", b"nonsense\r\n\r\n", 1), ("http", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000, 1),
                   ("socks4a", b"\0\x5b" + bytes(6), 1), ("socks4a", b"\x04\x5a" + bytes(6), 1)]
        answers += [("socks5", bytes([5, code, 0, 1]) + bytes(6), code) for code in range(1, 9)]
        for kind, answer, code in answers:
            with self.subTest(kind=kind, answer=answer[:30]):
                self.assert_refused(UpstreamProxy(self, kind, refuse=answer), app.address, code)
        self.assertEqual(app.accepted, 0)

    def test_ipv6_through_socks4a_cannot_be(self):
        proxy = UpstreamProxy(self, "socks4a")
        self.assert_refused(proxy, ("::1", 9), 8)
        self.assertEqual(proxy.asked, [])


if __name__ == "__main__":
    pt.main()
