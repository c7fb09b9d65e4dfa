"""How long the client waits for whom, and what it then says: bridges that stay silent, packets that vanish, name servers
that never answer. All of it side by side, in a room of its own."""
import os
import signal
import socket
import threading
import time
import unittest

from support import pt, socks
from support.netns import Rooms
from support.obfs4_wire import cert_of, identity
from support.peers import Acceptor, echo, read_exactly, read_to_end
from support.pt import OBFS4PROXY, Story, start_client, start_server

# A bridge with this drbg-seed hangs up 31 s after it has accepted somebody whom it does not answer.
SEED_OF_ONE_SECOND = "6b92597653ced5dad1dda13c38a83cb12b556b9b9d0eef86"
CAUSES = r"the bridge does not answer: either the cert is wrong or the clocks are hours apart"


class PatienceStory(Story):
    @classmethod
    def setUpClass(cls):
        cls.rooms = Rooms(cls)
        cls.world, cls.room = cls.rooms.world, cls.rooms.client
        # The room's name server takes every question and answers none.
        server = cls.world.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        server.bind((Rooms.WORLD, 53))
        cls.addClassCleanup(server.close)
        cls.room.write("resolv.conf", f"nameserver {Rooms.WORLD}\noptions timeout:30 attempts:5\n")
        cls.app = cls.world.inside(lambda: Acceptor(cls, echo, Rooms.BRIDGE))
        cls.near = cls.room.inside(lambda: Acceptor(cls, echo))

    def client(self, transports="obfs4,dummy"):
        return start_client(self, transports, room=self.room)

    def ask(self, child, transport, target, arguments=None):
        """(reply code, seconds)"""
        address = child.method(transport).address
        began = time.monotonic()
        try:
            self.room.inside(lambda: socks.connect(address, target, arguments, 90)).close()
            code = 0
        except socks.Refused as refused:
            code = refused.code
        return code, time.monotonic() - began


class Deadlines(PatienceStory):
    def wrong_cert(self, arguments):
        node_id, key = identity(arguments["cert"])
        return {"cert": cert_of(node_id, os.urandom(32)), "iat-mode": "0"}

    def test_everybody_gets_a_reply_in_time(self):
        child = self.client()
        silent = self.world.inside(lambda: Acceptor(self, read_to_end, Rooms.BRIDGE))
        cases = {
            "a silent bridge": ("obfs4", silent.address, {"cert": cert_of(bytes(20), bytes(31) + b"\1"), "iat-mode": "0"}),
            "packets that vanish": ("dummy", ("198.51.100.1", 443), None),
            "packets that vanish, obfs4": ("obfs4", ("198.51.100.1", 443), {"cert": "A" * 70, "iat-mode": "0"}),
            "nobody at that address": ("dummy", ("10.77.0.77", 443), None),
            "a silent name server": ("dummy", ("slow.example", 443), None),
        }
        expected = {"a silent bridge": (6, 59, 66), "packets that vanish": (6, 59, 66), "packets that vanish, obfs4": (6, 59, 66),
                    "nobody at that address": (4, 1, 10), "a silent name server": (6, 59, 66)}
        for name, program in (("ptproxy", None), ("obfs4proxy", OBFS4PROXY)):
            keys = {"node-id": os.urandom(20).hex(), "private-key": os.urandom(32).hex(), "drbg-seed": SEED_OF_ONE_SECOND}
            server = start_server(self, self.app.address, program=program, room=self.world,
                                  SERVER_BINDADDR=f"obfs4-{Rooms.BRIDGE}:0",
                                  SERVER_TRANSPORT_OPTIONS=";".join(f"obfs4:{key}={value}" for key, value in keys.items()))
            bridge = server.method("obfs4")
            with self.room.inside(lambda: socks.connect(child.method("obfs4").address, bridge.address, bridge.arguments)) as connection:
                connection.sendall(b"the right cert")
                self.assertEqual(read_exactly(connection, 14), b"the right cert")
            cases[f"a wrong cert for {name}"] = ("obfs4", bridge.address, self.wrong_cert(bridge.arguments))
            expected[f"a wrong cert for {name}"] = (1, 30, 36)  # it hangs up as on any prober, here after 31 s

        found = {}
        threads = [threading.Thread(target=lambda name=name, case=case: found.update({name: self.ask(child, *case)}))
                   for name, case in cases.items()]
        for thread in threads:
            thread.start()
        with self.subTest("others are served meanwhile"):
            time.sleep(1)
            for target in (self.app.address, self.near.address, ("localhost", self.near.address[1])):
                self.assertEqual(self.ask(child, "dummy", target)[0], 0)
        for thread in threads:
            thread.join(100)
        for name, (code, soonest, latest) in expected.items():
            with self.subTest(name=name):
                self.assertEqual(found[name][0], code)
                self.assertTrue(soonest < found[name][1] < latest, found[name][1])
        with self.subTest("the log names the causes"):
            self.assertEqual(sum(CAUSES in line for line in child.stderr), 3, child.transcript())
            self.assertEqual(sum("no connection to [scrubbed]: " in line for line in child.stderr), len(cases), child.transcript())


class SlowNames(PatienceStory):
    def test_the_end_does_not_wait_for_a_name_server(self):
        child = self.client("dummy")
        asking = threading.Thread(target=lambda: self.assertNotEqual(self.ask(child, "dummy", ("slow.example", 443))[0], 0))
        asking.start()
        time.sleep(0.5)
        child.signal(signal.SIGTERM)
        self.assertEqual(child.wait_exit(4), 0)
        asking.join(10)


if __name__ == "__main__":
    pt.main()
