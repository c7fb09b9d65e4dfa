"""The server in front of an Extended ORPort: who it says the client is, and what it does when it is not let in."""
import hashlib
import hmac
import os
import struct
import threading
import time

from support import pt, socks
from support.peers import Acceptor, dial, echo, hears_end, read_exactly, read_to_end
from support.pt import Story, start_client, start_server, temp_dir

HEADER = b"! Extended ORPort Auth Cookie !\n"
OKAY, DENY = 0x1000, 0x1001


def frame(command, body=b""):
    return struct.pack(">HH", command, len(body)) + body


class FakeTor(Acceptor):
    """tor's end of the Extended ORPort. What it does wrong, a test says with the keyword arguments."""

    def __init__(self, owner, cookie, *, types=b"\x01\x00", wrong_hash=False, status=b"\x01", reply=frame(OKAY),
                 glued=b"",
                 slow=False, mute=False):
        self.cookie = cookie
        self.types, self.wrong_hash, self.status, self.reply = types, wrong_hash, status, reply
        self.glued, self.slow, self.mute = glued, slow, mute
        self.commands, self.too_early, self.reached, self.complaints = [], [], [], []
        super().__init__(owner, self._session)

    def _send(self, connection, data):
        for piece in ([data[i:i + 1] for i in range(len(data))] if self.slow else [data]):
            connection.sendall(piece)
            time.sleep(0.001 if self.slow else 0)

    def _session(self, connection):
        try:
            self._converse(connection)
        except AssertionError as ended:
            self.complaints.append(str(ended))

    def _converse(self, connection):
        connection.settimeout(20)
        if self.mute:
            read_to_end(connection)
            return
        self.reached.append("types")
        self._send(connection, self.types)
        chosen = read_exactly(connection, 1)
        if chosen != b"\x01":
            return
        client_nonce, server_nonce = read_exactly(connection, 32), os.urandom(32)
        both = client_nonce + server_nonce
        server_hash = hmac.new(self.cookie, b"ExtORPort authentication server-to-client hash" + both,
                               hashlib.sha256).digest()
        if self.wrong_hash:
            server_hash = bytes([server_hash[0] ^ 1]) + server_hash[1:]
        self.reached.append("server hash")
        self._send(connection, server_hash + server_nonce)
        client_hash = read_exactly(connection, 32)
        self.reached.append("client hash")
        wanted = hmac.new(self.cookie, b"ExtORPort authentication client-to-server hash" + both,
                          hashlib.sha256).digest()
        if not hmac.compare_digest(client_hash, wanted):
            self._send(connection, b"\x00")
            return
        self.reached.append("status")
        self._send(connection, self.status)
        if self.status != b"\x01":
            read_to_end(connection)
            return
        commands = []
        while True:
            command, length = struct.unpack(">HH", read_exactly(connection, 4))
            body = read_exactly(connection, length)
            if command == 0:
                break
            commands.append((command, body))
        self.commands.append(commands)
        connection.settimeout(0.3)
        try:
            self.too_early.append(connection.recv(65536))
        except TimeoutError:
            self.too_early.append(b"")
        connection.settimeout(20)
        self.reached.append("reply")
        self._send(connection, self.reply + self.glued)
        echo(connection)


class ExtOrPortStory(Story):
    def setUp(self):
        self.secret = os.urandom(32)
        self.cookie = temp_dir(self) / "extended_orport_auth_cookie"
        self.cookie.write_bytes(HEADER + self.secret)
        self.orport = Acceptor(self, echo)

    def serve(self, tor, transport="dummy", cookie=None, orport=True, **more):
        """A server that knows both ports; the plain one must never be used."""
        return start_server(self, self.orport.address if orport else None, transport,
                            EXTENDED_SERVER_PORT="%s:%d" % tor.address, AUTH_COOKIE_FILE=cookie or self.cookie, **more)

    def tearDown(self):
        self.assertEqual(self.orport.accepted, 0, "with an Extended ORPort the plain one is not used")

    def assert_dropped(self, server, within=5):
        """A client connection ends without a byte, and the server lives on."""
        with dial(server.method("dummy").address) as connection:
            connection.sendall(b"hello")
            self.assertTrue(hears_end(connection, within), server.transcript())
        self.assertTrue(server.is_running())

    def assert_works(self, server, times=1):
        for _ in range(times):
            with dial(server.method("dummy").address, 20) as connection:
                connection.sendall(b"hello")
                self.assertEqual(read_exactly(connection, 5), b"hello")


class Admission(ExtOrPortStory):
    def test_tor_hears_the_client_s_address_and_the_transport(self):
        for version in ("1", "2"):
            tor = FakeTor(self, self.secret)
            server = self.serve(tor, version=version)
            for _ in range(3):
                with dial(server.method("dummy").address, 20) as connection:
                    connection.sendall(b"early")
                    self.assertEqual(read_exactly(connection, 5), b"early")
                    said = dict(tor.commands.pop())
                    self.assertEqual(said, {1: b"%s:%d" % (b"127.0.0.1", connection.getsockname()[1]), 2: b"dummy"})
            self.assertEqual(tor.too_early, [b""] * 3, "no byte of the tunnel comes before OKAY")
            self.assertEqual(tor.complaints, [])

    def test_the_plain_orport_need_not_be_known(self):
        self.assert_works(self.serve(FakeTor(self, self.secret), orport=False))

    def test_an_obfs4_client_is_announced_as_one(self):
        tor = FakeTor(self, self.secret)
        bridge = self.serve(tor, "obfs4").method("obfs4")
        client = start_client(self)
        with socks.connect(client.method("obfs4").address, bridge.address, bridge.arguments) as connection:
            connection.sendall(b"hello")
            self.assertEqual(read_exactly(connection, 5), b"hello")
        said = dict(tor.commands[0])
        self.assertEqual(said[2], b"obfs4")
        self.assertRegex(said[1], rb"^127\.0\.0\.1:[1-9]\d*$")

    def test_an_ipv6_client_is_written_in_brackets(self):
        tor = FakeTor(self, self.secret)
        try:
            Acceptor(self, echo, "::1")
        except OSError:
            self.skipTest("no IPv6 loopback on this machine")
        server = self.serve(tor, SERVER_BINDADDR="dummy-[::1]:0")
        with dial(server.method("dummy").address, 20) as connection:
            connection.sendall(b"hello")
            self.assertEqual(read_exactly(connection, 5), b"hello")
            self.assertEqual(dict(tor.commands[0])[1], b"[::1]:%d" % connection.getsockname()[1])

    def test_tor_may_speak_in_single_bytes_and_glue_data_to_its_okay(self):
        for slow in (False, True):
            tor = FakeTor(self, self.secret, slow=slow, glued=b"220 hello\r\n", types=b"\x05\x01\x00")
            server = self.serve(tor)
            with dial(server.method("dummy").address, 20) as connection:
                self.assertEqual(read_exactly(connection, 11), b"220 hello\r\n")

    def test_unknown_replies_before_the_okay_are_skipped(self):
        tor = FakeTor(self, self.secret,
                      reply=frame(0x1002, b"control") + frame(0x1fff, bytes(65535)) + frame(OKAY, b"ignored"))
        self.assert_works(self.serve(tor))


class Refusal(ExtOrPortStory):
    def test_denied(self):
        tor = FakeTor(self, self.secret, reply=frame(DENY))
        self.assert_dropped(self.serve(tor))
        self.assertIn("reply", tor.reached)

    def test_a_tor_that_does_not_know_the_cookie_is_told_nothing(self):
        tor = FakeTor(self, self.secret, wrong_hash=True)
        self.assert_dropped(self.serve(tor))
        self.assertNotIn("client hash", tor.reached)

    def test_authentication_refused(self):
        tor = FakeTor(self, self.secret, status=b"\x00")
        self.assert_dropped(self.serve(tor))
        self.assertEqual(tor.commands, [])

    def test_no_authentication_type_in_common(self):
        tor = FakeTor(self, self.secret, types=b"\x02\x07\x00")
        self.assert_dropped(self.serve(tor))
        self.assertNotIn("client hash", tor.reached)

    def test_a_bad_cookie_file_fails_connections_until_it_is_mended(self):
        tor = FakeTor(self, self.secret)
        missing = temp_dir(self) / "cookie"
        server = self.serve(tor, cookie=missing)
        self.assert_dropped(server)
        for content in (b"", HEADER, HEADER + self.secret[:31], HEADER + self.secret + b"\n", b"x" * 64, self.secret,
                        HEADER[:-1] + b"\r" + self.secret, HEADER + os.urandom(32)):
            missing.write_bytes(content)
            self.assert_dropped(server)
        self.assertEqual(tor.commands, [])
        missing.write_bytes(HEADER + self.secret)
        self.assert_works(server)
        tor.cookie = os.urandom(32)
        missing.write_bytes(HEADER + tor.cookie)
        self.assert_works(server)

    def test_nobody_listening(self):
        tor = FakeTor(self, self.secret)
        server = self.serve(tor)
        tor.close()
        self.assert_dropped(server)

    def test_a_silent_tor_is_given_up(self):
        mute = FakeTor(self, self.secret, mute=True)
        server = self.serve(mute)
        began = time.monotonic()
        self.assert_dropped(server, 15)
        self.assertGreater(time.monotonic() - began, 4)

    def test_nonsense_in_place_of_the_reply(self):
        tor = FakeTor(self, self.secret, types=b"\x01" * 300)
        self.assert_dropped(self.serve(tor), 15)


class Bystanders(ExtOrPortStory):
    def test_one_slow_admission_holds_up_nobody_else(self):
        tor = FakeTor(self, self.secret)
        server = self.serve(tor)
        results = []

        def one():
            with dial(server.method("dummy").address, 30) as connection:
                connection.sendall(b"hello")
                results.append(read_exactly(connection, 5))

        threads = [threading.Thread(target=one) for _ in range(50)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [b"hello"] * 50)
        self.assertLess(time.monotonic() - began, 6, "each admission takes 0.3 s here, and they overlap")

    def test_logs_name_neither_client_nor_secret(self):
        tor = FakeTor(self, self.secret, reply=frame(DENY))
        for version in ("1", "2"):
            server = self.serve(tor, version=version, flags=["-log-level", "debug"])
            with dial(server.method("dummy").address) as connection:
                own = connection.getsockname()[1]
                connection.sendall(b"hello")
                self.assertTrue(hears_end(connection, 5))
            server.close_stdin()
            server.wait_exit(5)
            said = server.transcript().split("\n", 1)[1]
            self.assertNotIn(f"127.0.0.1:{own}", said)
            self.assertNotIn(self.secret.hex(), said.lower())


if __name__ == "__main__":
    pt.main()
