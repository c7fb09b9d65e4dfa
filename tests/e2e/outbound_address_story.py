"""TOR_PT_OUTBOUND_BIND_ADDRESS: where connections come from, as the other end of a cable sees it."""
import unittest

from support import pt, socks
from support.netns import Rooms
from support.peers import Acceptor, read_exactly
from support.pt import Story, start_client


def tell_peer(connection):
    """Says where the connection came from."""
    connection.sendall(connection.getpeername()[0].encode() + b"\n")
    connection.recv(1)


class OutboundStory(Story):
    @classmethod
    def setUpClass(cls):
        cls.rooms = Rooms(cls)
        cls.world, cls.room = cls.rooms.world, cls.rooms.client
        cls.far = {host: cls.world.inside(lambda: Acceptor(cls, tell_peer, host)).address
                   for host in (Rooms.BRIDGE, Rooms.BRIDGE6, Rooms.WORLD)}
        cls.near = {host: cls.room.inside(lambda: Acceptor(cls, tell_peer, host)).address for host in ("127.0.0.1", "::1")}

    def start(self, v4=None, v6=None, **more):
        return start_client(self, "dummy", room=self.room, OUTBOUND_BIND_ADDRESS_V4=v4, OUTBOUND_BIND_ADDRESS_V6=v6, **more)

    def source(self, child, target):
        proxy = child.method("dummy").address
        connection = self.room.inside(lambda: socks.connect(proxy, target, timeout=20))
        with connection:
            said = b""
            while not said.endswith(b"\n"):
                said += read_exactly(connection, 1)
        return said.decode().strip()

    def test_without_it_the_system_chooses(self):
        child = self.start()
        self.assertEqual(self.source(child, self.far[Rooms.BRIDGE]), Rooms.CLIENT)

    def test_each_family_has_its_own(self):
        child = self.start(Rooms.CLIENT_2, f"[{Rooms.CLIENT6_2}]")
        self.assertEqual(self.source(child, self.far[Rooms.BRIDGE]), Rooms.CLIENT_2)
        self.assertEqual(self.source(child, self.far[Rooms.BRIDGE6]), Rooms.CLIENT6_2)
        with self.subTest("an IPv4 address written as IPv6"):
            self.assertEqual(self.source(child, (f"::ffff:{Rooms.BRIDGE}", self.far[Rooms.BRIDGE][1])), Rooms.CLIENT_2)
        child = self.start(Rooms.CLIENT)
        self.assertEqual(self.source(child, self.far[Rooms.BRIDGE]), Rooms.CLIENT)
        child = self.start(None, Rooms.CLIENT6)
        self.assertEqual(self.source(child, self.far[Rooms.BRIDGE6]), Rooms.CLIENT6)

    def test_loopback_ignores_it(self):
        child = self.start(Rooms.CLIENT_2, Rooms.CLIENT6_2)
        for host, address in self.near.items():
            self.assertEqual(self.source(child, address), host)
        self.assertEqual(self.source(child, ("::ffff:127.0.0.1", self.near["127.0.0.1"][1])), "127.0.0.1")

    def test_an_address_that_is_not_ours_makes_no_connection(self):
        child = self.start("10.77.0.99", "fd77::99")
        for host in (Rooms.BRIDGE, Rooms.BRIDGE6):
            with self.assertRaises(socks.Refused) as refused:
                self.source(child, self.far[host])
            self.assertEqual(refused.exception.code, 8)
            self.assertEqual(self.source(child, self.near["127.0.0.1"]), "127.0.0.1")

    def test_the_way_to_an_upstream_proxy_has_it_too(self):
        sources = []

        def socks5(connection):
            sources.append(connection.getpeername()[0])
            read_exactly(connection, 3)
            connection.sendall(b"\x05\x00")
            read_exactly(connection, 10)
            connection.sendall(b"\x05\x00\x00\x01" + bytes(6) + b"proxied\n")
            connection.recv(1)

        proxy = self.world.inside(lambda: Acceptor(self, socks5, Rooms.WORLD)).address
        child = self.start(Rooms.CLIENT_2, PROXY="socks5://%s:%d" % proxy)
        self.assertEqual(self.source(child, ("192.0.2.77", 9)), "proxied")
        self.assertEqual(sources, [Rooms.CLIENT_2])


if __name__ == "__main__":
    pt.main()
