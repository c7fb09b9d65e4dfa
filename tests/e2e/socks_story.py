"""The SOCKS side of the client, byte by byte: what is accepted, what is refused and how, and what never stops it."""
import json
import random
import socket
import struct
import threading
import time

from support import pt, socks
from support.peers import LOOPBACK, Acceptor, closed_port, dial, echo, hears_end, noise, read_exactly, read_to_end
from support.pt import Story, start_client

SUCCESS = bytes.fromhex("05000001000000000000")


def refusal(code):
    return bytes([5, code]) + SUCCESS[2:]


def block(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return struct.pack(">I", len(raw)) + raw


class SocksStory(Story):
    @classmethod
    def setUpClass(cls):
        cls.app = Acceptor(cls, echo)
        cls.child = start_client(cls, "dummy,obfs4")
        cls.dummy = cls.child.method("dummy").address
        cls.obfs4 = cls.child.method("obfs4").address
        cls.pt1 = start_client(cls, "dummy", version="1")
        cls.dummy1 = cls.pt1.method("dummy").address

    def talk(self, *steps, proxy=None):
        """Sends and expects in turn; returns the open connection. Each step is (what to send, what must come)."""
        connection = dial(proxy or self.dummy, 15)
        self.addCleanup(connection.close)
        for outgoing, wanted in steps:
            connection.sendall(outgoing)
            self.assertEqual(read_exactly(connection, len(wanted)), wanted, outgoing)
        return connection

    def assert_refused(self, *steps, proxy=None):
        """The same, and then the connection must end with an orderly FIN and without another byte."""
        connection = self.talk(*steps, proxy=proxy)
        connection.settimeout(5)
        self.assertEqual(connection.recv(1), b"", steps)

    def assert_echo(self, connection):
        connection.sendall(b"over and back")
        self.assertEqual(read_exactly(connection, 13), b"over and back")

    def request(self, address=None):
        return socks.request(address or self.app.address)

    def tearDown(self):
        for child in (self.child, self.pt1):
            self.assertTrue(child.is_running(), child.transcript())
            self.assert_clean_stdout(child)
        with socks.connect(self.dummy, self.app.address) as connection:
            self.assert_echo(connection)


class Greeting(SocksStory):
    def test_picks_the_best_method_that_was_offered(self):
        for offered, chosen in ((b"\0", 0), (b"\2", 2), (b"\0\2", 2), (b"\2\0", 2), (b"\x09\0\2", 9),
                                (b"\0\2\x80", 0x80),
                                (b"\x80\x09", 9), (b"\x01\0", 0), (bytes(range(128)), 9), (bytes(range(1, 256)), 9)):
            with self.subTest(offered=offered):
                self.talk((b"\x05" + bytes([len(offered)]) + offered, bytes([5, chosen])))

    def test_method_80_belongs_to_version_2(self):
        self.talk((b"\x05\x02\x80\x02", b"\x05\x02"), proxy=self.dummy1)
        self.talk((b"\x05\x02\x80\x00", b"\x05\x00"), proxy=self.dummy1)
        self.assert_refused((b"\x05\x01\x80", b"\x05\xff"), proxy=self.dummy1)
        self.talk((b"\x05\x02\x80\x09", b"\x05\x09"), proxy=self.dummy1)

    def test_no_acceptable_method(self):
        for offered in (b"", b"\x01", b"\x97", b"\x01\x03\xfe"):
            self.assert_refused((b"\x05" + bytes([len(offered)]) + offered, b"\x05\xff"))

    def test_whatever_is_not_socks_gets_no_byte(self):
        for opening in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\0", b"\x06\x01\x00"):
            connection = dial(self.dummy)
            connection.sendall(opening)
            self.assertTrue(hears_end(connection, 5), opening)
            connection.close()


class Request(SocksStory):
    def test_connects_to_an_address_and_to_a_name(self):
        for target in (self.app.address, ("localhost", self.app.address[1])):
            connection = self.talk((b"\x05\x01\x00", b"\x05\x00"), (self.request(target), SUCCESS))
            self.assert_echo(connection)

    def test_connects_over_ipv6(self):
        try:
            app = Acceptor(self, echo, "::1")
        except OSError:
            self.skipTest("no IPv6 loopback on this machine")
        self.assert_echo(self.talk((b"\x05\x01\x00", b"\x05\x00"), (self.request(app.address), SUCCESS)))

    def test_commands_and_address_types_that_are_not_served(self):
        good = self.request()
        for altered, code in ((good[:1] + b"\x02" + good[2:], 7), (good[:1] + b"\x03" + good[2:], 7),
                              (good[:1] + b"\xf0" + good[2:], 7), (good[:1] + b"\xf1" + good[2:], 7), (good[:1] + b"\0" + good[2:], 7),
                              (good[:3] + b"\x05" + good[4:], 8), (good[:3] + b"\0" + good[4:], 8), (good[:2] + b"\x01" + good[3:], 1),
                              (b"\x05\x01\x00\x03\x00\x00\x50", 1), (b"\x05\x01\x00\x03\x03a\0b\x00\x50", 1), (b"\x04" + good[1:], 1)):
            with self.subTest(request=altered):
                self.assert_refused((b"\x05\x01\x00", b"\x05\x00"), (altered, refusal(code)))

    def test_a_refused_connection_is_called_that(self):
        self.assert_refused((b"\x05\x01\x00", b"\x05\x00"), (self.request(closed_port()), refusal(5)))

    def test_takes_everything_one_byte_at_a_time(self):
        connection = dial(self.dummy)
        self.addCleanup(connection.close)
        for byte in b"\x05\x02\x00\x02" + socks.password_frame("a=b") + self.request() + b"early":
            connection.sendall(bytes([byte]))
            time.sleep(0.001)
        self.assertEqual(read_exactly(connection, 14), b"\x05\x02\x01\x00" + SUCCESS)
        self.assertEqual(read_exactly(connection, 5), b"early")

    def test_every_front_door_takes_its_request_in_any_pieces(self):
        raw = b'{"a":"b}{"}'
        address = struct.pack(">H", self.app.address[1])
        doors = {
            "no settings": (b"\x05\x01\x00" + self.request(), b"\x05\x00" + SUCCESS),
            "a name": (b"\x05\x01\x00" + self.request(("localhost", self.app.address[1])), b"\x05\x00" + SUCCESS),
            "RFC 1929": (b"\x05\x02\x00\x02" + socks.password_frame("a=b;c=" + "d" * 300) + self.request(), b"\x05\x02\x01\x00" + SUCCESS),
            "method 09": (b"\x05\x01\x09" + block(raw) + self.request(), b"\x05\x09" + SUCCESS),
            "method 80, big-endian": (b"\x05\x01\x80" + block(raw) + self.request(), b"\x05\x80" + SUCCESS),
            "method 80, little-endian": (b"\x05\x01\x80" + struct.pack("<I", len(raw)) + raw + self.request(), b"\x05\x80" + SUCCESS),
            "method 80, bare": (b"\x05\x01\x80" + raw + self.request(), b"\x05\x80" + SUCCESS),
            "SOCKS4": (b"\x04\x01" + address + socket.inet_aton(LOOPBACK) + b"a=b;c=d\0", b"\0\x5a" + bytes(6)),
            "SOCKS4a": (b"\x04\x01" + address + b"\0\0\0\x01a=b\0localhost\0", b"\0\x5a" + bytes(6)),
        }
        for name, (said, answer) in doors.items():
            said += b"early"
            for seed in range(6):
                cuts = range(1, len(said)) if seed == 0 else sorted(random.Random(seed).sample(range(1, len(said)), seed))
                with self.subTest(door=name, cuts=len(cuts)):
                    connection = dial(self.dummy, 15)
                    self.addCleanup(connection.close)
                    for start, end in zip([0, *cuts], [*cuts, len(said)]):
                        connection.sendall(said[start:end])
                        time.sleep(0.0005)
                    self.assertEqual(read_exactly(connection, len(answer) + 5), answer + b"early")

    def test_keeps_data_that_came_before_the_reply(self):
        early = noise(40000, 1)
        connection = self.talk((b"\x05\x02\x00\x02" + socks.password_frame("a=b") + self.request() + early,
                                b"\x05\x02\x01\x00" + SUCCESS))
        self.assertEqual(read_exactly(connection, len(early)), early)


class Arguments(SocksStory):
    def test_well_formed_arguments_are_taken(self):
        for text in ("a=b", "a=", "a=b;c=d", "a=b;a=c", r"a\;x=b\=\\", "a=b=c", r"a=\b", "k=" + "v" * 253,
                     "k=" + "v" * 254, "k=" + "v" * 508,
                     "k=" + "v" * 252 + r"\;x"):
            with self.subTest(text=text[:30]):
                connection = self.talk((b"\x05\x01\x02", b"\x05\x02"), (socks.password_frame(text), b"\x01\x00"),
                                       (self.request(), SUCCESS))
                self.assert_echo(connection)

    def test_malformed_arguments_are_refused(self):
        for text in ("a", "=b", "a=b;", "a=b;;c=d", ";a=b", "a=b\\", "a=b;c"):
            with self.subTest(text=text):
                self.assert_refused((b"\x05\x01\x02", b"\x05\x02"), (socks.password_frame(text), b"\x01\x01"))
        for frame in (b"\x01\x00", b"\x01\x03a=b\x00", b"\x05\x03a=b\x01\x00"):
            with self.subTest(frame=frame):
                self.assert_refused((b"\x05\x01\x02", b"\x05\x02"), (frame, b"\x01\x01"))

    def test_arguments_that_the_transport_refuses_make_no_connection(self):
        silent = Acceptor(self, read_to_end)
        cert = "A" * 70
        for arguments in (f"cert={cert}", "iat-mode=0", f"cert={cert};iat-mode=3", f"cert={cert};iat-mode=x",
                          f"cert={cert[:-1]};iat-mode=0",
                          f"cert={cert}A;iat-mode=0", f"cert={'*' * 70};iat-mode=0", f"node-id={'0' * 40};iat-mode=0",
                          f"node-id={'0' * 40};public-key={'0' * 62};iat-mode=0", "x=y"):
            with self.subTest(arguments=arguments):
                self.assert_refused((b"\x05\x01\x02", b"\x05\x02"), (socks.password_frame(arguments), b"\x01\x00"),
                                    (self.request(silent.address), refusal(1)), proxy=self.obfs4)
        self.assert_refused((b"\x05\x01\x00", b"\x05\x00"), (self.request(silent.address), refusal(1)),
                            proxy=self.obfs4)
        self.assertEqual(silent.accepted, 0)


class JsonArguments(SocksStory):
    def test_method_09_takes_a_block_of_json(self):
        for data in ({"a": "b"}, {}, {"n": 1, "b": True, "none": None, "list": ["x", "y"]},
                     b' { "a" : "\\u00e9\\"}" } ',
                     {"a": "x" * 60000}):
            with self.subTest(data=str(data)[:40]):
                connection = self.talk((b"\x05\x01\x09", b"\x05\x09"), (block(data) + self.request(), SUCCESS))
                self.assert_echo(connection)

    def test_method_80_takes_three_framings(self):
        raw = b'{"a":"}{\\"","b":{}}'.replace(b',"b":{}', b',"b":"c"')
        for framed in (block(raw), struct.pack("<I", len(raw)) + raw, raw):
            with self.subTest(framed=framed):
                connection = self.talk((b"\x05\x01\x80", b"\x05\x80"), (framed + self.request() + b"more", SUCCESS))
                self.assertEqual(read_exactly(connection, 4), b"more")

    def test_bad_blocks_have_codes_of_their_own(self):
        deep = b'{"a":' * 9 + b"1" + b"}" * 9
        for framed, code in ((struct.pack(">I", 65537), 0x10), (b"\xff\xff\xff\xff", 0x10), (block(b""), 0x12),
                             (block(b"[1]"), 0x12),
                             (block(b'{"a":"b"'), 0x12), (block(b'{"a":"b"} x'), 0x12), (block(b'{"a":"\xff"}'), 0x12),
                             (block(deep), 0x12),
                             (block(b"null"), 0x12)):
            with self.subTest(framed=framed[:30]):
                self.assert_refused((b"\x05\x01\x09", b"\x05\x09"), (framed, refusal(code)))
        for opening, code in ((b"nothing of the kind", 0x12), (b"{xyz", 0x12), (b'{"a":"b"]', 0x12), (struct.pack("<I", 0xffff) + b"[1]" * 21845, 0x12),
                              (b"\0\0\0\0", 0x12), (struct.pack(">I", 65537), 0x10), (b'{"a":"' + b"x" * 65536, 0x10),
                              (b'{"a":{"b":"c"}}', 0x13), (block({"a": {"b": "c"}}), 0x13), (block({"a": [["b"]]}), 0x13), (block({"": "b"}), 0x13)):
            with self.subTest(opening=opening[:30]):
                self.assert_refused((b"\x05\x01\x80", b"\x05\x80"), (opening, refusal(code)))

    def test_settings_that_the_transport_refuses(self):
        silent = Acceptor(self, read_to_end)
        for method in (9, 0x80):
            for data in ({}, {"cert": "A" * 70}, {"cert": "short", "iat-mode": "0"},
                         {"cert": "A" * 70, "iat-mode": {"x": 1}}):
                with self.subTest(method=method, data=data):
                    self.assert_refused((bytes([5, 1, method]), bytes([5, method])),
                                        (block(data) + self.request(silent.address), refusal(0x13)), proxy=self.obfs4)
        self.assertEqual(silent.accepted, 0)


class Socks4(SocksStory):
    def test_connects_with_address_and_with_name(self):
        with socks.connect4(self.dummy, self.app.address) as connection:
            self.assert_echo(connection)
        with socks.connect4(self.dummy, self.app.address, b"a=b;c=d") as connection:
            self.assert_echo(connection)
        with socks.connect4(self.dummy, self.app.address, name=b"localhost") as connection:
            self.assert_echo(connection)

    def test_refusals_are_5b(self):
        address = struct.pack(">H", self.app.address[1]) + socket.inet_aton(LOOPBACK)
        closed = struct.pack(">H", closed_port()[1]) + socket.inet_aton(LOOPBACK)
        nameless = struct.pack(">H", 80) + b"\0\0\0\x01"
        for request in (b"\x04\x02" + address + b"\0", b"\x04\x01" + closed + b"\0", b"\x04\x01" + address + b"nonsense\0",
                        b"\x04\xf0" + address + b"\0", b"\x04\x01" + address + b"u" * 2000, b"\x04\x01" + nameless + b"\0\0",
                        b"\x04\x01" + nameless + b"\0" + b"n" * 300 + b"\0", b"\x04\x01" + nameless + b"\0a b\0"):
            with self.subTest(request=request):
                self.assert_refused((request, b"\0\x5b" + b"\0" * 6))

    def test_data_behind_the_request_is_kept(self):
        address = struct.pack(">H", self.app.address[1]) + socket.inet_aton(LOOPBACK)
        connection = self.talk((b"\x04\x01" + address + b"\0early", b"\0\x5a" + b"\0" * 6))
        self.assertEqual(read_exactly(connection, 5), b"early")


class Patience(SocksStory):
    def test_an_unfinished_talk_ends_silently_after_ten_seconds(self):
        starts = {"nothing": b"", "half a greeting": b"\x05\x02\x00", "a greeting": b"\x05\x01\x00",
                  "half a password": b"\x05\x01\x02\x01\x05a", "half a request": b"\x05\x01\x00" + self.request()[:6],
                  "socks4 without end": b"\x04\x01\x00\x50\x7f\x00\x00\x01abc"}
        found = {}

        def wait(name, opening):
            began = time.monotonic()
            connection = dial(self.dummy, 20)
            connection.sendall(opening)
            try:
                heard = read_to_end(connection)
            except OSError as failure:
                heard = failure
            found[name] = (time.monotonic() - began, heard)
            connection.close()

        def wait_for_block():
            began = time.monotonic()
            connection = self.talk((b"\x05\x01\x09", b"\x05\x09"), (struct.pack(">I", 20) + b'{"a"', b""))
            connection.settimeout(20)
            found["half a block"] = (time.monotonic() - began, read_to_end(connection))
            found["half a block"] = (time.monotonic() - began, found["half a block"][1])

        def drip():
            connection = dial(self.dummy, 20)
            began, heard = time.monotonic(), b""
            connection.settimeout(1)
            for byte in b"\x05\x01\x02\x01\xff" + b"a" * 60:
                try:
                    connection.sendall(bytes([byte]))
                    piece = connection.recv(10)
                    heard += piece
                    if not piece:
                        break
                except socket.timeout:
                    continue
                except OSError:
                    break
            found["a byte each second"] = (time.monotonic() - began, heard)
            connection.close()

        threads = [threading.Thread(target=wait, args=item) for item in starts.items()]
        threads.append(threading.Thread(target=drip))
        threads.append(threading.Thread(target=wait_for_block))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(found), len(starts) + 2)
        for name, (seconds, heard) in found.items():
            with self.subTest(name=name):
                self.assertTrue(9 < seconds < 13, seconds)
                if name == "half a block":
                    self.assertEqual(heard, refusal(0x11))
                else:
                    self.assertIn(heard, (b"", b"\x05\x00", b"\x05\x02"))

    def test_thousands_of_half_open_talks_do_not_lock_others_out(self):
        parked = [dial(self.dummy) for _ in range(300)]
        for connection in parked:
            self.addCleanup(connection.close)
            connection.sendall(b"\x05")
        with socks.connect(self.dummy, self.app.address) as connection:
            self.assert_echo(connection)


class Noise(SocksStory):
    def test_random_bytes_never_end_the_process(self):
        for seed in range(200):
            opening = noise(1 + seed * 3, seed)
            if seed % 2:
                opening = bytes([4 + seed % 4 // 2]) + opening
            connection = dial(self.dummy if seed % 3 else self.obfs4)
            try:
                connection.sendall(opening)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(15)
                read_to_end(connection)
            except (ConnectionResetError, BrokenPipeError):
                pass
            connection.close()


if __name__ == "__main__":
    pt.main()
