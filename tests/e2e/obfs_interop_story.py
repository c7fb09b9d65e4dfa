"""obfs2 and obfs3 against Debian's obfs4proxy: each as client and as server, and the warnings that they come with."""
import os
import threading

from support import pt, socks
from support.peers import Acceptor, BulkApp, Wire, dial, echo, exchange, hears_end, noise, read_exactly, sha256
from support.pt import OBFS4PROXY, PTPROXY, Story, start_client, start_server

MIB = 1 << 20

PAIRINGS = {
    "ptproxy to obfs4proxy": (PTPROXY, OBFS4PROXY),
    "obfs4proxy to ptproxy": (OBFS4PROXY, PTPROXY),
    "ptproxy to ptproxy": (PTPROXY, PTPROXY),
}
TRANSPORTS = ("obfs2", "obfs3")


class InteropStory(Story):
    def begin(self, transport, client_program, server_program, app_address, options=None):
        """A client's SOCKS address and the bridge's address."""
        server = start_server(self, app_address, transport, program=server_program, SERVER_TRANSPORT_OPTIONS=options)
        client = start_client(self, transport, program=client_program)
        self.children = [client, server]
        return client.method(transport).address, server.method(transport).address

    def everyone(self):
        for transport in TRANSPORTS:
            for name, programs in PAIRINGS.items():
                with self.subTest(transport=transport, pairing=name):
                    yield transport, programs


class Bulk(InteropStory):
    def test_64_mib_each_way(self):
        down, up = noise(64 * MIB, 51), noise(64 * MIB, 52)
        for transport, programs in self.everyone():
            app = BulkApp(self, down, len(up))
            proxy, bridge = self.begin(transport, *programs, app.address)
            with socks.connect(proxy, bridge) as connection:
                connection.settimeout(60)
                self.assertEqual(exchange(connection, up, len(down)), sha256(down))
                self.assertEqual(app.digest(), sha256(up))


class Handshakes(InteropStory):
    def test_every_one_of_many_handshakes_succeeds(self):
        # A number that is not padded to its full size would fail once in 256 times.
        app = Acceptor(self, echo)
        for transport, programs in self.everyone():
            proxy, bridge = self.begin(transport, *programs, app.address)
            for number in range(300 if transport == "obfs3" else 50):
                with socks.connect(proxy, bridge) as connection:
                    data = noise(1 + number * 17 % 3000, number)
                    connection.sendall(data)
                    self.assertEqual(read_exactly(connection, len(data)), data)

    def test_a_server_app_that_speaks_first_is_heard_at_once(self):
        app = Acceptor(self, lambda connection: (connection.sendall(b"220 welcome\r\n"), connection.recv(1)))
        for transport, programs in self.everyone():
            proxy, bridge = self.begin(transport, *programs, app.address)
            for _ in range(5):
                with socks.connect(proxy, bridge) as connection:
                    connection.settimeout(5)
                    self.assertEqual(read_exactly(connection, 13), b"220 welcome\r\n")

    def test_handshakes_and_bytes_in_small_pieces(self):
        app = Acceptor(self, echo)
        for transport, programs in self.everyone():
            proxy, bridge = self.begin(transport, *programs, app.address)
            wire = Wire(self, bridge, slice_size=61)
            with socks.connect(proxy, wire.address) as connection:
                data = noise(3000, 53)
                connection.sendall(data)
                self.assertEqual(read_exactly(connection, len(data)), data)

    def test_our_first_word_is_one_write(self):
        # obfs4proxy's obfs2 sends its seed in a segment of its own.
        app = Acceptor(self, echo)
        for transport, least in (("obfs2", 24), ("obfs3", 192)):
            with self.subTest(transport=transport):
                proxy, bridge = self.begin(transport, PTPROXY, OBFS4PROXY, app.address)
                wire = Wire(self, bridge)
                for _ in range(10):
                    socks.connect(proxy, wire.address).close()
                self.assertGreaterEqual(min(map(len, wire.first_up)), least)


class SharedSecret(InteropStory):
    def test_it_has_to_be_the_same_on_both_sides(self):
        app = Acceptor(self, echo)
        proxy, bridge = self.begin("obfs2", PTPROXY, PTPROXY, app.address, "obfs2:shared-secret=swordfish")
        with socks.connect(proxy, bridge, {"shared-secret": "swordfish"}) as connection:
            connection.sendall(b"hello")
            self.assertEqual(read_exactly(connection, 5), b"hello")
        before = app.accepted
        for wrong in ({"shared-secret": "Swordfish"}, None):
            with self.assertRaises(socks.Refused) as refused:
                socks.connect(proxy, bridge, wrong)
            self.assertEqual(refused.exception.code, 1)
        self.assertEqual(app.accepted, before)

    def test_forty_at_once_do_not_hold_up_the_loop(self):
        # Each costs some 100 ms on either side; another client of the same process must not wait for them.
        app = Acceptor(self, echo)
        server = start_server(self, app.address, "obfs2,dummy", SERVER_TRANSPORT_OPTIONS="obfs2:shared-secret=x")
        client = start_client(self, "obfs2,dummy")
        proxies, bridges = client.methods(), server.methods()
        results = []

        def one():
            with socks.connect(proxies["obfs2"].address, bridges["obfs2"].address, {"shared-secret": "x"}) as connection:
                connection.sendall(b"hello")
                results.append(read_exactly(connection, 5))

        threads = [threading.Thread(target=one) for _ in range(40)]
        with socks.connect(proxies["dummy"].address, bridges["dummy"].address) as connection:
            for thread in threads:
                thread.start()
            rounds = 0
            while any(thread.is_alive() for thread in threads):
                connection.sendall(b"ping")
                self.assertEqual(read_exactly(connection, 4), b"ping")
                rounds += 1
            for thread in threads:
                thread.join()
        self.assertEqual(results, [b"hello"] * 40)
        self.assertGreater(rounds, 100, "the loop went on meanwhile")


class Strangers(InteropStory):
    def test_they_never_reach_the_server_app(self):
        app = Acceptor(self, echo)
        for transport, opening in (("obfs2", b""), ("obfs2", noise(24, 54)), ("obfs2", noise(20000, 55)),
                                   ("obfs3", b""), ("obfs3", noise(191, 56))):
            with self.subTest(transport=transport, sent=len(opening)):
                _, bridge = self.begin(transport, PTPROXY, PTPROXY, app.address)
                with dial(bridge) as connection:
                    connection.sendall(opening)
                    connection.settimeout(1)
                    self.assertGreater(len(connection.recv(65536)), 20, "either transport answers everybody")
        self.assertEqual(app.accepted, 0)

    def test_garbage_in_the_place_of_the_magic_value_ends_the_connection(self):
        app = Acceptor(self, lambda connection: connection.recv(1))
        _, bridge = self.begin("obfs3", PTPROXY, PTPROXY, app.address)
        with dial(bridge) as connection:
            connection.sendall(noise(192 + 8225, 57))
            read_exactly(connection, 192)
            connection.settimeout(1)
            with self.assertRaises(TimeoutError):
                while connection.recv(65536):
                    pass
            connection.sendall(b"x")
            self.assertTrue(hears_end(connection, 5))

    def test_a_peer_of_another_kind_fails_the_request(self):
        def babble(connection):
            connection.sendall(os.urandom(30000))
            connection.recv(65536)

        impostor = Acceptor(self, babble)
        client = start_client(self, "obfs2")
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(client.method("obfs2").address, impostor.address, timeout=20)
        self.assertEqual(refused.exception.code, 1)


class Warnings(InteropStory):
    def test_starting_one_says_what_it_is(self):
        for start_it in (lambda: start_client(self, "obfs2,obfs3,scramblesuit"),
                         lambda: start_server(self, ("127.0.0.1", 9), "obfs2,obfs3,scramblesuit")):
            child = start_it()
            self.assertEqual(set(child.methods()), {"obfs2", "obfs3", "scramblesuit"})
            for warning in ("obfs2 is easily recognised", "obfs3 answers whoever probes it"):
                pt.wait_until(lambda: any(warning in line for line in child.stderr), 5, warning)
            self.stop(child)


if __name__ == "__main__":
    pt.main()
