"""What passes on the wire: known text never, random bytes of changing lengths always."""

from support import pt, socks
from support.peers import Acceptor, Wire, read_exactly
from support.pt import OBFS4PROXY, PTPROXY, Story, start_client, start_server, wait_until

UP = b"GET /the-marker-of-the-client HTTP/1.1\r\nHost: marker.example.test\r\nCookie: 0123456789abcdef\r\n\r\n"
DOWN = b"HTTP/1.1 200 OK\r\nX-Marker: of-the-server\r\n\r\nthe quick brown fox jumps over the lazy dog\n"
REPEATS = 200
WINDOW = 8


def windows(text):
    return {text[start:start + WINDOW] for start in range(len(text) - WINDOW + 1)}


def answer(connection):
    for _ in range(REPEATS):
        read_exactly(connection, len(UP))
        connection.sendall(DOWN)
    connection.recv(1)


class Marker(Story):
    def record(self, transport, client_program=PTPROXY, server_program=PTPROXY, iat_mode="0"):
        """The Wire after a conversation full of markers has passed over it."""
        app = Acceptor(self, answer)
        options = f"obfs4:iat-mode={iat_mode}" if transport == "obfs4" else None
        server = start_server(self, app.address, transport, server_program, SERVER_TRANSPORT_OPTIONS=options)
        bridge = server.method(transport)
        wire = Wire(self, bridge.address)
        client = start_client(self, transport, client_program)
        with socks.connect(client.method(transport).address, wire.address, bridge.arguments or None) as connection:
            connection.settimeout(30)
            for _ in range(REPEATS):
                connection.sendall(UP)
                self.assertEqual(read_exactly(connection, len(DOWN)), DOWN)
        wire.cert = bridge.arguments.get("cert", "")
        wire.places = [b"%s:%d" % (host.encode(), port) for host, port in (app.address, bridge.address, wire.address)]
        return wire

    def found(self, wire):
        sought = windows(UP) | windows(DOWN)
        return {piece for piece in sought if piece in wire.up or piece in wire.down}

    def test_dummy_hides_nothing(self):
        # Shows that the recorder would see a marker if there were one.
        wire = self.record("dummy")
        self.assertEqual(self.found(wire), windows(UP) | windows(DOWN))

    def test_obfs4_shows_none_of_it(self):
        for client, server in ((PTPROXY, PTPROXY), (PTPROXY, OBFS4PROXY), (OBFS4PROXY, PTPROXY)):
            # In mode 2 obfs4proxy dies of a 0 in its table of lengths, which is one in thirty.
            for iat_mode in ("0", "1", "2") if client == server else ("0", "1"):
                with self.subTest(client=client, server=server, iat_mode=iat_mode):
                    wire = self.record("obfs4", client, server, iat_mode)
                    self.assertGreater(len(wire.up), REPEATS * len(UP))
                    self.assertGreater(len(wire.down), REPEATS * len(DOWN))
                    self.assertEqual(self.found(wire), set())
                    for text in (wire.cert.encode()[:12], *wire.places):
                        self.assertNotIn(text, wire.up)
                        self.assertNotIn(text, wire.down)

    def test_obfs4_bytes_are_evenly_spread(self):
        wire = self.record("obfs4")
        for stream in (wire.up, wire.down):
            expected = len(stream) / 256
            chi_square = sum((stream.count(value) - expected) ** 2 / expected for value in range(256))
            # 255 degrees of freedom: random bytes stay below 400 but once in 10^8 times.
            self.assertLess(chi_square, 400)

    def test_obfs4_hellos_are_one_write_and_differ_in_length_and_bytes(self):
        app = Acceptor(self, lambda connection: connection.recv(1))
        server = start_server(self, app.address)
        bridge = server.method("obfs4")
        wire = Wire(self, bridge.address)
        client = start_client(self)
        for _ in range(40):
            socks.connect(client.method("obfs4").address, wire.address, bridge.arguments).close()
        wait_until(lambda: len(wire.first_up) == 40, 5, "forty hellos")
        lengths = {len(first) for first in wire.first_up}
        self.assertTrue(all(141 <= length <= 8192 for length in lengths), lengths)
        self.assertGreater(len(lengths), 30)
        self.assertEqual(len({bytes(first[:4]) for first in wire.first_up}), 40)
        for position, bit in ((31, 0x80), (31, 0x40), (0, 1)):
            ones = sum(1 for first in wire.first_up if first[position] & bit)
            self.assertTrue(3 < ones < 37, f"bit {bit:#x} of byte {position} was set in {ones} of 40 hellos")


if __name__ == "__main__":
    pt.main()
