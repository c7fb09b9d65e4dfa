"""Datagrams through a pair of ptproxys: modes, answers, bounds, and an account of every packet."""
import itertools
import random
import signal
import socket
import struct
import threading
import time

from support import pt
from support.peers import Acceptor, LOOPBACK, closed_port, dial, echo, hears_end, read_exactly, shut
from support.pt import Story, start_client, start_server, wait_until
from support.udp import LONGEST, EchoApp, UdpPair, address_of, kernel_drops, udp_socket

UDP = ("-mode", "transparent-UDP")
STUN = ("-mode", "STUN")
COOKIE = bytes.fromhex("2112a442")


def stun_message(kind=0x0001, body=b"", transaction=b"twelve bytes"):
    return struct.pack("!HH", kind, len(body)) + COOKIE + transaction + body


def channel_data(data, channel=0x4001):
    return struct.pack("!HH", channel, len(data)) + data


class Modes(Story):
    def test_cmethod_names_the_mode(self):
        target = ("-target", address_of(closed_port()))
        for flags, word in ((UDP, "transparent-UDP"), (STUN, "STUN"), (("-mode", "stun"), "STUN"), (("-udp",), "STUN"),
                            (("-transparent", "-udp"), "transparent-UDP")):
            with self.subTest(flags=flags):
                client = start_client(self, "dummy", flags=[*flags, *target])
                method = client.method("dummy")
                self.assertEqual(method.protocol, word)
                udp_socket(self, method.address).send(b"nobody minds")
                with self.assertRaises(OSError):
                    dial(method.address, 2)
                self.stop(client)
                self.assert_clean_stdout(client)

    def test_the_client_listens_where_it_was_told(self):
        wanted = udp_socket(self)
        address = wanted.getsockname()
        wanted.close()
        client = start_client(self, "dummy,obfs4", flags=[*UDP, "-target", address_of(closed_port()), "-proxylistenaddr",
                                                          address_of(address)])
        self.assertEqual(list(client.methods()), ["dummy"])
        self.assertEqual(client.method("dummy").address, address)
        client.expect(r"^CMETHOD-ERROR obfs4 cannot listen there", "stderr")

    def test_version_1_knows_no_udp(self):
        client = start_client(self, "dummy", version="1", flags=[*UDP, "-target", "127.0.0.1:9"])
        self.assertEqual(client.methods(), {})
        client.expect(r"^CMETHOD-ERROR dummy \S", "stdout")

    def test_the_target_has_to_be_named(self):
        client = start_client(self, "dummy", flags=UDP)
        self.assertEqual(client.methods(), {})
        client.expect(r"^CMETHOD-ERROR dummy no -target", "stderr")

    def test_a_server_refuses_the_extended_orport(self):
        cookie = pt.temp_dir(self) / "cookie"
        cookie.write_bytes(b"! Extended ORPort Auth Cookie !\x0a" + bytes(32))
        for mode in (UDP, STUN, ("-udp",)):
            with self.subTest(mode=mode):
                server = start_server(self, closed_port(), "dummy", flags=mode, AUTH_COOKIE_FILE=cookie,
                                      EXTENDED_SERVER_PORT="127.0.0.1:9")
                self.assertEqual(server.wait_exit(), 64, server.transcript())
                server.expect(r"^ENV-ERROR TOR_PT_EXTENDED_SERVER_PORT: .*UDP", "stderr")

    def test_limits_have_to_be_numbers(self):
        for flag, value in itertools.product(("-udp-timeout", "-udp-flows"), ("0", "-1", "x", "1.5")):
            client = start_client(self, "dummy", flags=[*UDP, "-target", "127.0.0.1:9", f"{flag}={value}"])
            self.assertEqual(client.wait_exit(), 64, client.transcript())
            client.expect(rf"^ENV-ERROR {flag}: ", "stderr")


class Transparent(Story):
    def test_every_size_comes_back_as_it_was(self):
        for transport in ("dummy", "obfs4"):
            with self.subTest(transport=transport):
                app = EchoApp(self)
                pair = UdpPair(self, app.address, transport)
                sender = udp_socket(self, pair.proxy)
                pair.warm_up(sender)
                noise = random.Random(4)
                for size in (0, 1, 2, 20, 255, 256, 1024, 1025, 1400, 1500, 9000, 32768, 65000, LONGEST):
                    datagram = noise.randbytes(size)
                    sender.send(datagram)
                    self.assertEqual(sender.recv(LONGEST + 1), datagram, size)

    def test_the_first_datagram_opens_the_connection_and_is_dropped(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, "dummy")
        sender = udp_socket(self, pair.proxy)
        sender.send(b"dropped")
        wait_until(lambda: len(self.sockets_of(pair.server)) > 1, 5, "the server's UDP socket")
        time.sleep(0.2)
        sender.send(b"sent")
        self.assertEqual(sender.recv(100), b"sent")
        self.assertEqual(app.heard, [b"sent"])
        self.stop(pair.client)
        self.assertEqual(pair.flow()["connecting"], 1)

    @staticmethod
    def sockets_of(child):
        import os
        import pathlib
        folder = pathlib.Path(f"/proc/{child.pid}/fd")
        return [entry for entry in folder.iterdir() if os.readlink(entry).startswith("socket:")]

    def test_every_application_gets_its_own_answers(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address)
        senders = [udp_socket(self, pair.proxy) for _ in range(20)]
        for sender in senders:
            pair.warm_up(sender)
        for turn in range(5):
            for number, sender in enumerate(senders):
                sender.send(b"%d of %d" % (turn, number))
        for number, sender in enumerate(senders):
            self.assertEqual([sender.recv(100) for _ in range(5)], [b"%d of %d" % (turn, number) for turn in range(5)])

    def test_at_a_wildcard_address_answers_leave_from_the_one_that_the_way_back_begins_with(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, "dummy", client_flags=["-proxylistenaddr", "0.0.0.0:0"])
        door, port = "127.0.0.2", pair.proxy[1]
        free, connected = udp_socket(self), udp_socket(self, timeout=1)
        connected.connect((door, port))

        def reaches_the_app(sender, datagram):
            sender.sendto(datagram, (door, port))
            time.sleep(0.1)
            return datagram in app.heard

        for sender, datagram in ((free, b"free"), (connected, b"connected")):
            wait_until(lambda: reaches_the_app(sender, datagram), 10, "a datagram at the application")
        self.assertEqual(free.recvfrom(100), (b"free", (LOOPBACK, port)))
        with self.assertRaises(socket.timeout):
            connected.recv(100)

    def test_ipv6(self):
        try:
            app = udp_socket(self, host="::1")
        except OSError:
            self.skipTest("no IPv6 loopback on this machine")
        pair = UdpPair(self, app.getsockname()[:2], "dummy", client_flags=["-proxylistenaddr", "[::1]:0"])
        sender = udp_socket(self, host="::1")
        sender.connect(pair.proxy)
        app.settimeout(0.3)
        for _ in range(10):
            sender.send(b"question")
            try:
                question, server = app.recvfrom(100)
            except socket.timeout:
                continue
            break
        self.assertEqual(question, b"question")
        app.sendto(b"answer", server)
        self.assertEqual(sender.recv(100), b"answer")

    def test_a_name_is_resolved(self):
        app = EchoApp(self)
        pair = UdpPair(self, ("localhost", app.address[1]), "dummy")
        pair.warm_up(udp_socket(self, pair.proxy))

    def test_a_server_app_that_comes_later_finds_its_clients(self):
        place = udp_socket(self)
        address = place.getsockname()
        place.close()
        pair = UdpPair(self, address, "dummy")
        sender = udp_socket(self, pair.proxy)
        for _ in range(5):
            sender.send(b"nobody there")  # the server hears "port unreachable"
            time.sleep(0.05)
        app = udp_socket(self)
        late = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(late.close)
        late.bind(address)
        late.settimeout(5)
        sender.send(b"now")
        datagram, server = late.recvfrom(100)
        self.assertEqual(datagram, b"now")
        late.sendto(b"welcome", server)
        self.assertEqual(sender.recv(100), b"welcome")

    def test_frames_are_two_bytes_of_length_in_network_order(self):
        heard = []

        def talk(connection):
            heard.append(read_exactly(connection, 2 + 300 + 2 + 2 + 1))
            connection.sendall(b"\x00\x05split")
            connection.sendall(b"\x01")
            time.sleep(0.1)
            connection.sendall(b"\x02" + b"b" * 257)
            connection.sendall(b"b\x00")
            time.sleep(0.1)
            connection.sendall(b"\x00\x00\x03end")
            connection.recv(1)

        bridge = Acceptor(self, talk)
        client = start_client(self, "dummy", flags=[*UDP, "-target", address_of(bridge.address)])
        app = udp_socket(self, client.method("dummy").address)
        app.send(b"opens the connection")
        wait_until(lambda: bridge.accepted, 5, "the connection")
        time.sleep(0.2)
        app.send(b"a" * 300)
        app.send(b"")
        app.send(b"z")
        self.assertEqual([app.recv(1000) for _ in range(4)], [b"split", b"b" * 258, b"", b"end"])
        self.assertEqual(heard, [b"\x01\x2c" + b"a" * 300 + b"\x00\x00" + b"\x00\x01z"])

    def test_an_idle_flow_goes(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, "dummy", client_flags=["-udp-timeout", "1"])
        sender = udp_socket(self, pair.proxy)
        pair.warm_up(sender)
        self.assertEqual(pair.flow("client")["why"], "idle")
        self.assertEqual(pair.flow("server")["why"], "the connection was closed")
        pair.warm_up(sender)  # and comes again
        pair = UdpPair(self, app.address, "dummy", server_flags=["-udp-timeout", "1"])
        sender = udp_socket(self, pair.proxy)
        pair.warm_up(sender)
        self.assertEqual(pair.flow("server")["why"], "idle")
        self.assertEqual(pair.flow("client")["why"], "the connection was closed")
        pair.warm_up(sender)

    def test_a_pool_has_as_many_flows_as_it_was_told(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, "dummy", client_flags=["-udp-flows", "3"])
        senders = [udp_socket(self, pair.proxy) for _ in range(3)]
        for sender in senders:
            pair.warm_up(sender)
        fourth = udp_socket(self, pair.proxy, timeout=0.3)
        for _ in range(3):
            fourth.send(b"no room")
        with self.assertRaises(socket.timeout):
            fourth.recv(100)
        pair.client.expect(r"dropped so far: 1 as all 3 flows were taken", "stderr")
        for sender in senders:
            sender.send(b"still served")
            self.assertEqual(sender.recv(100), b"still served")
        self.stop(pair.client)
        pair.client.expect(r"dropped so far: 3 as all 3 flows were taken", "stderr")

    def test_a_dead_bridge_is_not_dialled_for_every_datagram(self):
        bridge = Acceptor(self, lambda connection: None)
        client = start_client(self, "obfs4", flags=[
            *UDP, "-target", address_of(bridge.address), "-options",
            "cert=ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw;iat-mode=0"])
        sender = udp_socket(self, client.method("obfs4").address)
        for _ in range(100):
            try:
                sender.send(b"anybody there?")
            except ConnectionRefusedError:
                self.fail("nobody listens")
            time.sleep(0.02)
        self.assertGreaterEqual(bridge.accepted, 1)
        self.assertLessEqual(bridge.accepted, 3)

    def test_garbage_in_the_stream_ends_the_connection(self):
        app = EchoApp(self)
        server = start_server(self, app.address, "dummy", flags=UDP)
        bad = dial(server.method("dummy").address)
        self.addCleanup(bad.close)
        bad.sendall(b"\x00\x01a")
        self.assertEqual(read_exactly(bad, 3), b"\x00\x01a")
        bad.sendall(b"\xff\xff")
        self.assertTrue(hears_end(bad, 5))

    def test_it_ends_with_what_it_had_in_hand(self):
        for name in ("stdin", "SIGTERM"):
            with self.subTest(end=name):
                app = udp_socket(self)
                pair = UdpPair(self, app.getsockname())
                sender = udp_socket(self, pair.proxy)
                sender.send(b"opens the connection")
                wait_until(lambda: len(Transparent.sockets_of(pair.server)) > 1, 5, "the server's UDP socket")
                time.sleep(0.3)
                for number in range(100):
                    sender.send(b"%d" % number)
                if name == "stdin":
                    pair.client.close_stdin()
                else:
                    pair.client.signal(signal.SIGTERM)
                self.assertEqual([app.recv(10) for _ in range(100)], [b"%d" % number for number in range(100)])
                self.assertEqual(pair.client.wait_exit(6), 0, pair.client.transcript())


class Account(Story):
    def test_a_hundred_thousand_datagrams_are_accounted_for(self):
        amount = 100_000
        app = udp_socket(self, timeout=0.5)
        pair = UdpPair(self, app.getsockname())
        sender = udp_socket(self, pair.proxy)
        sender.send(b"opens the connection")
        wait_until(lambda: len(Transparent.sockets_of(pair.server)) > 1, 5, "the server's UDP socket")
        time.sleep(0.3)
        sizes, heard = random.Random(100), []
        over = threading.Event()

        def hear():
            while True:
                try:
                    heard.append(app.recv(LONGEST + 1))
                except socket.timeout:
                    if over.is_set():
                        return

        listener = threading.Thread(target=hear, daemon=True)
        listener.start()
        filler = sizes.randbytes(LONGEST)
        wanted = []
        for number in range(amount):
            size = sizes.randrange(LONGEST + 1) if sizes.random() < 0.02 else sizes.randrange(1401)
            wanted.append(size)
            sender.send((struct.pack("!II", number, size) + filler)[:max(size, 8)])
        # The client has read all there is when its socket's queue is empty.
        time.sleep(1)
        client_drops = kernel_drops(pair.proxy[1])
        self.stop(pair.client)
        flow, far = pair.flow("client"), pair.flow("server")
        over.set()
        listener.join(30)
        app_drops = kernel_drops(app.getsockname()[1])

        self.assertEqual(flow["accepted"] + flow["no_room"] + flow["cut_off"] + client_drops, amount)
        self.assertEqual(flow["connecting"], 1)
        self.assertEqual(far["delivered"] + far["refused"], flow["accepted"])
        self.assertEqual(far["refused"], 0)
        self.assertEqual(far["delivered_bytes"], flow["accepted_bytes"])
        self.assertEqual(len(heard) + app_drops, far["delivered"])
        last = -1
        for datagram in heard:
            number, size = struct.unpack("!II", datagram[:8])
            self.assertGreater(number, last)
            self.assertEqual(size, wanted[number])
            self.assertEqual(datagram[8:], filler[:max(size, 8) - 8], number)
            last = number
        print(f"sent {amount}, heard {len(heard)}; dropped by the client's kernel {client_drops}, for want of room "
              f"{flow['no_room']}, by the application's kernel {app_drops}")
        self.assertGreater(len(heard), amount // 4)

    def test_at_a_modest_rate_nothing_is_lost(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address)
        sender = udp_socket(self, pair.proxy)
        pair.warm_up(sender)
        sizes = random.Random(7)
        for batch in range(250):
            sent = [b"%6d" % (batch * 40 + i) + sizes.randbytes(sizes.randrange(1400)) for i in range(40)]
            for datagram in sent:
                sender.send(datagram)
            self.assertEqual([sender.recv(LONGEST) for _ in sent], sent)
        self.stop(pair.client)
        for side in ("client", "server"):
            flow = pair.flow(side)
            self.assertEqual((flow["no_room"], flow["cut_off"], flow["refused"]), (0, 0, 0))
        self.assertGreaterEqual(pair.flow("client")["delivered"], 10_000)

    def test_a_bridge_that_does_not_read_costs_the_newest_datagrams_only(self):
        release = threading.Event()

        def talk(connection):
            release.wait(30)
            while connection.recv(65536):
                pass

        bridge = Acceptor(self, talk)
        client = start_client(self, "dummy", flags=[*UDP, "-target", address_of(bridge.address)])
        proxy = client.method("dummy").address
        stuck = udp_socket(self, proxy)
        stuck.send(b"opens the connection")
        wait_until(lambda: bridge.accepted, 5, "the connection")
        before = client.resident_kib()
        for _ in range(40):
            for _ in range(200):
                stuck.send(bytes(8000))
            time.sleep(0.02)
        self.assertLess(client.resident_kib() - before, 8 * 1024)
        release.set()
        self.stop(client)
        client.expect(r"dropped: 1 while connecting, [1-9]\d* for want of room", "stderr")


class Stun(Story):
    def test_messages_and_channels_come_back_as_they_were(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, mode=STUN)
        self.assertEqual(pair.method.protocol, "STUN")
        sender = udp_socket(self, pair.proxy)
        pair.warm_up(sender, stun_message())
        sent = [stun_message(), stun_message(0x0016, bytes(1200)), stun_message(0x0016, bytes(65484))]
        sent += [channel_data(bytes(range(size))) for size in range(10)] + [channel_data(b"x" * 1377), channel_data(b"x" * 65503)]
        for datagram in sent:
            sender.send(datagram)
            self.assertEqual(sender.recv(LONGEST), datagram)

    def test_channel_data_is_padded_on_the_stream_alone(self):
        app = EchoApp(self)
        server = start_server(self, app.address, "dummy", flags=STUN)
        client = dial(server.method("dummy").address)
        self.addCleanup(client.close)
        client.sendall(channel_data(b"abc") + b"\0" + stun_message() + channel_data(b"abcd"))
        self.assertEqual(read_exactly(client, 8 + 20 + 8), channel_data(b"abc") + b"\0" + stun_message() + channel_data(b"abcd"))
        self.assertEqual(app.heard, [channel_data(b"abc"), stun_message(), channel_data(b"abcd")])

    def test_what_is_not_stun_is_dropped_and_counted(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, "dummy", mode=("-udp",))
        sender = udp_socket(self, pair.proxy)
        pair.warm_up(sender, stun_message())
        strangers = [b"", b"x", b"\x80" + bytes(40), b"\x16\xfe\xfd" + bytes(40), stun_message()[:19], stun_message() + bytes(4),
                     stun_message(0x0003)[:4] + bytes(16), channel_data(b"abcdef")[:8]]
        for datagram in strangers:
            sender.send(datagram)
        sender.send(stun_message(transaction=b"the last one"))
        self.assertEqual(sender.recv(100), stun_message(transaction=b"the last one"))
        self.stop(pair.client)
        self.assertEqual(pair.flow()["not_stun"], len(strangers))

    def test_the_old_stun_without_a_cookie_is_stun(self):
        app = EchoApp(self)
        pair = UdpPair(self, app.address, "dummy", mode=STUN)
        pair.warm_up(udp_socket(self, pair.proxy), bytes.fromhex("00010000") + bytes(range(16)))  # RFC 3489

    def test_a_stream_that_is_not_stun_is_ended(self):
        app = EchoApp(self)
        server = start_server(self, app.address, "dummy", flags=STUN)
        for garbage in (b"\x80\x00\x00\x00", b"\x00\x01\x00\x03" + bytes(20), b"\x00\x03\x00\x00" + bytes(16)):
            with self.subTest(garbage=garbage):
                client = dial(server.method("dummy").address)
                self.addCleanup(client.close)
                client.sendall(stun_message())
                self.assertEqual(read_exactly(client, 20), stun_message())
                client.sendall(garbage)
                self.assertTrue(hears_end(client, 5))


if __name__ == "__main__":
    pt.main()
