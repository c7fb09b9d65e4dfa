"""A prober that does not know the cert: no byte back, no connection to the Server App, and an end that tells nothing.

The drbg-seed below gives a closing delay of 1 s, so every failed probe ends 31 s after it was accepted. All probes run
side by side, against ptproxy and against Debian's obfs4proxy with the same identity.
"""
import os
import pathlib
import socket
import threading
import time

from support import pt, socks
from support.obfs4_wire import LARGEST_PADDING, cert_of, hello, identity, let_the_hour_turn
from support.peers import Acceptor, dial, noise, read_to_end
from support.pt import OBFS4PROXY, PTPROXY, Story, start_client, start_server

SEED_OF_ONE_SECOND = "6b92597653ced5dad1dda13c38a83cb12b556b9b9d0eef86"
CLOSING_TIME = 31.0


class Outcome:
    def __init__(self):
        self.seconds, self.heard, self.reset = None, b"", False


def probe(address, opening, keep_sending=False, finish=False):
    """Sends the opening (bytes or a list of pieces) and waits for whatever comes; an Outcome."""
    outcome = Outcome()
    began = time.monotonic()
    connection = dial(address, 75)
    over = threading.Event()

    def feed():
        try:
            while not over.wait(0.05):
                connection.sendall(os.urandom(4096))
        except OSError:
            pass

    try:
        for piece in [opening] if isinstance(opening, bytes) else opening:
            connection.sendall(piece)
            if not isinstance(opening, bytes):
                time.sleep(0.002)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        if keep_sending:
            threading.Thread(target=feed, daemon=True).start()
        while piece := connection.recv(65536):
            outcome.heard += piece
            if len(outcome.heard) >= 141:
                break
    except ConnectionResetError:
        outcome.reset = True
    finally:
        over.set()
        outcome.seconds = time.monotonic() - began
        connection.close()
    return outcome


def failing_probes(cert, recorded):
    """{name: (opening, options)} of what a server must not answer."""
    node_id, public_key = identity(cert)
    good = hello(cert)
    return {
        "nothing": (b"", {}),
        "one byte": (b"x", {}),
        "100 random bytes": (noise(100, 31), {}),
        "8192 random bytes": (noise(8192, 32), {}),
        "10000 random bytes": (noise(10000, 33), {}),
        "random bytes for ever": (noise(5000, 34), {"keep_sending": True}),
        "an HTTP request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {}),
        "half a hello": (good[:len(good) // 2], {}),
        "a hello without its last byte": (good[:-1], {}),
        "a hello and a byte": (hello(cert) + b"x", {}),
        "a hello with a wrong MAC": (good[:-1] + bytes([good[-1] ^ 1]), {}),
        "a hello of two hours ago": (hello(cert, hours=-2), {}),
        "a hello of two hours ahead": (hello(cert, hours=2), {}),
        "a hello with too little padding": (hello(cert, padding=76), {}),
        "a hello for another node": (hello(cert_of(os.urandom(20), public_key)), {}),
        "a hello for another key": (hello(cert_of(node_id, os.urandom(32))), {}),
        "a hello with the key 0": (hello(cert, representative=bytes(32)), {}),
        "a replayed hello": (recorded, {}),
    }


def keep_alive_seconds(local, remote):
    """In how many seconds the kernel will ask the other side of this connection; None without such a timer."""
    for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = row.split()
        timer, ticks = (int(word, 16) for word in words[5].split(":"))
        if (int(words[1].split(":")[1], 16), int(words[2].split(":")[1], 16)) == (local, remote) and timer == 2:
            return ticks / os.sysconf("SC_CLK_TCK")
    return None


def speak_and_listen(connection):
    connection.sendall(b"secret app")
    read_to_end(connection)


class Probes(Story):
    @classmethod
    def setUpClass(cls):
        let_the_hour_turn()
        keys = {"node-id": os.urandom(20).hex(), "private-key": os.urandom(32).hex(), "drbg-seed": SEED_OF_ONE_SECOND}
        options = ";".join(f"obfs4:{key}={value}" for key, value in keys.items())
        cls.apps, cls.bridges, cls.servers = {}, {}, {}
        for program in (PTPROXY, OBFS4PROXY):
            cls.apps[program] = Acceptor(cls, speak_and_listen)
            cls.servers[program] = start_server(cls, cls.apps[program].address, program=program,
                                                SERVER_TRANSPORT_OPTIONS=options)
            cls.bridges[program] = cls.servers[program].method("obfs4")
        cls.cert = cls.bridges[PTPROXY].arguments["cert"]
        cls.begin_a_minute_of_silence()

    @classmethod
    def begin_a_minute_of_silence(cls):
        """Lets a client try a bridge that never answers, while the other tests run."""
        cls.heard, cls.gave_up = [], {}
        silent = Acceptor(cls, lambda connection: cls.heard.append(read_to_end(connection)))
        proxy = start_client(cls).method("obfs4").address

        def wait():
            began = time.monotonic()
            try:
                socks.connect(proxy, silent.address, {"cert": "A" * 70, "iat-mode": "0"}).close()
            except socks.Refused as refused:
                cls.gave_up["code"] = refused.code
            cls.gave_up["seconds"] = time.monotonic() - began

        cls.waiting = threading.Thread(target=wait, daemon=True)
        cls.waiting.start()

    def test_the_client_gives_up_a_silent_bridge_after_a_minute(self):
        self.waiting.join(75)
        self.assertIn(self.gave_up.get("code"), (1, 6))
        self.assertAlmostEqual(self.gave_up["seconds"], 60, delta=2)
        pt.wait_until(lambda: self.heard, 3, "the end of the connection to the bridge")
        self.assertTrue(141 <= len(self.heard[0]) <= 8192, "it said no more than its hello")

    def test_one_identity_serves_both(self):
        self.assertEqual(self.cert, self.bridges[OBFS4PROXY].arguments["cert"])

    def test_good_hellos_are_answered(self):
        # Without this the silence in the other tests would prove nothing.
        for program in self.bridges:
            address = self.bridges[program].address
            before = self.apps[program].accepted
            slices = hello(self.cert)
            for opening in (hello(self.cert), hello(self.cert, padding=LARGEST_PADDING), hello(self.cert, hours=-1),
                            hello(self.cert, hours=1), [slices[i:i + 1] for i in range(len(slices))]):
                outcome = probe(address, opening)
                self.assertGreaterEqual(len(outcome.heard), 141, program)
                self.assertLess(outcome.seconds, 5)
            pt.wait_until(lambda: self.apps[program].accepted == before + 5, 5, "the application's connections")

    def test_a_silent_prober_is_asked_whether_it_lives_as_often_as_by_obfs4proxy(self):
        for program, bridge in self.bridges.items():
            with self.subTest(program=program), dial(bridge.address, 5) as connection:
                here, there = connection.getsockname()[1], bridge.address[1]
                due = pt.wait_until(lambda: keep_alive_seconds(there, here), 5, "a connection that is kept alive")
                self.assertTrue(10 < due <= 15, due)

    def test_nobody_else_gets_a_byte_or_a_connection(self):
        recorded = hello(self.cert)
        for program in self.bridges:
            self.assertGreaterEqual(len(probe(self.bridges[program].address, recorded).heard), 141)
        pt.wait_until(lambda: all(app.accepted for app in self.apps.values()), 5, "the recorded hello's connections")
        time.sleep(0.3)
        before = {program: self.apps[program].accepted for program in self.apps}
        memory = self.servers[PTPROXY].resident_kib()
        outcomes, threads = {}, []

        def run(key, address, opening, options):
            outcomes[key] = probe(address, opening, **options)

        for program, bridge in self.bridges.items():
            for name, (opening, options) in failing_probes(self.cert, recorded).items():
                given = ((program, name), bridge.address, opening, options)
                threads.append(threading.Thread(target=run, args=given))
        # A client of the real program that was given another bridge's cert fails just so, once the bridge hangs up.
        refusals = {}
        wrong = {"cert": cert_of(os.urandom(20), os.urandom(32)), "iat-mode": "0"}

        def try_wrong_cert(program):
            client = clients[program]
            began = time.monotonic()
            try:
                socks.connect(client, self.bridges[PTPROXY].address, wrong).close()
                refusals[program] = (0, 0)
            except socks.Refused as refused:
                refusals[program] = (refused.code, time.monotonic() - began)

        clients = {}
        for program in self.bridges:
            clients[program] = start_client(self, program=program).method("obfs4").address
        threads += [threading.Thread(target=try_wrong_cert, args=(program,)) for program in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(80)
        for (program, name), outcome in outcomes.items():
            with self.subTest(program=program, probe=name):
                self.assertEqual(outcome.heard, b"")
                if name != "random bytes for ever":  # there, bytes that cross the FIN are answered with a RST
                    self.assertFalse(outcome.reset, "a FIN, not a RST")
                self.assertAlmostEqual(outcome.seconds, CLOSING_TIME, delta=1.0)
        self.assertEqual(len(outcomes), 2 * len(failing_probes(self.cert, recorded)))
        for program in self.apps:
            self.assertEqual(self.apps[program].accepted, before[program], "no prober reached the application")
        for program, (code, seconds) in refusals.items():
            self.assertEqual(code, 1, program)
            self.assertAlmostEqual(seconds, CLOSING_TIME, delta=1.5)
        self.assertLess(self.servers[PTPROXY].resident_kib() - memory, 8 * 1024, "what probers send is not kept")

    def test_a_prober_that_leaves_is_let_go_at_once(self):
        for opening in (b"", noise(50, 35), noise(9000, 36)):
            for program in self.bridges:
                outcome = probe(self.bridges[program].address, opening, finish=True)
                self.assertEqual((outcome.heard, outcome.reset), (b"", False))
                self.assertLess(outcome.seconds, 3)


if __name__ == "__main__":
    pt.main()
