"""The client behind microsocks, Dante and tinyproxy, in a room of its own whose every outgoing packet is watched: they
carry the bridge connection, resolve its name, and are never gone around, whatever they do."""
import os
import pathlib
import re
import shutil
import signal
import threading
import unittest

from support import netns, pt, socks
from support.netns import Rooms, Watch, wait_for_listener
from support.peers import Acceptor, echo, noise, read_exactly, shut
from support.pt import Story, start_client, start_server, temp_dir

MICROSOCKS, DANTED, TINYPROXY = ("microsocks", "/usr/sbin/danted", "tinyproxy")


def start_microsocks(owner, world):
    """SOCKS5 with a password on port 1080."""
    child = world.start(owner, [MICROSOCKS, "-i", Rooms.WORLD, "-p", "1080", "-u", "some one", "-P", "p:a@s%s/w"])
    wait_for_listener(world, (Rooms.WORLD, 1080))
    return child


def start_danted(owner, world):
    """SOCKS5 and SOCKS4a for everybody on port 1081."""
    settings = temp_dir(owner) / "danted.conf"
    settings.write_text(f"""logoutput: stderr
internal: {Rooms.WORLD} port = 1081
external: cable
external: lo
external.rotation: route
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
}}
socks pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
  protocol: tcp
  log: connect error
}}
""")
    child = world.start(owner, [DANTED, "-f", settings, "-N", "1"])
    wait_for_listener(world, (Rooms.WORLD, 1081))
    return child


def start_tinyproxy(owner, world):
    """HTTP CONNECT with Basic credentials on port 3128."""
    settings = temp_dir(owner) / "tinyproxy.conf"
    settings.write_text(f"""Port 3128
Listen {Rooms.WORLD}
Timeout 60
MaxClients 50
LogLevel Connect
BasicAuth someone s3cret
""")
    child = world.start(owner, [TINYPROXY, "-d", "-c", settings])
    wait_for_listener(world, (Rooms.WORLD, 3128))
    return child


class Upstream:
    """One way through a real proxy: how it is started and addressed, what its log says, what it answers when it cannot."""

    def __init__(self, start, port, uri, wrong, log, refused):
        self.start, self.port, self.uri, self.wrong, self.log, self.refused = start, port, uri, wrong, log, refused

    @property
    def alone(self):
        """What the watch may see."""
        return {("tcp", Rooms.WORLD, self.port)}


UPSTREAMS = {
    "microsocks": Upstream(start_microsocks, 1080, f"socks5://some%20one:p%3aa%40s%25s%2fw@{Rooms.WORLD}:1080",
                           f"socks5://some%20one:wrong@{Rooms.WORLD}:1080", r"connected to {host}:{port}", 5),
    "Dante, SOCKS5": Upstream(start_danted, 1081, f"socks5://{Rooms.WORLD}:1081", None, r"{host}\.{port}", 5),
    "Dante, SOCKS4a": Upstream(start_danted, 1081, f"socks4a://user@{Rooms.WORLD}:1081", None, r"{host}\.{port}", 1),
    "tinyproxy": Upstream(start_tinyproxy, 3128, f"http://someone:s3cret@{Rooms.WORLD}:3128",
                          f"http://someone:wrong@{Rooms.WORLD}:3128", r"CONNECT {host}:{port}", 1),
}


class RoomStory(Story):
    @classmethod
    def setUpClass(cls):
        for program in (MICROSOCKS, DANTED, TINYPROXY):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        cls.rooms = Rooms(cls)
        cls.world, cls.room = cls.rooms.world, cls.rooms.client
        cls.app = cls.world.inside(lambda: Acceptor(cls, echo, "127.0.0.1"))
        cls.server = start_server(cls, cls.app.address, room=cls.world, SERVER_BINDADDR=f"obfs4-{Rooms.BRIDGE}:4433")
        cls.arguments = cls.server.method("obfs4").arguments
        cls.server6 = start_server(cls, cls.app.address, room=cls.world, SERVER_BINDADDR=f"obfs4-[{Rooms.BRIDGE6}]:4433")
        cls.arguments6 = cls.server6.method("obfs4").arguments
        cls.watch = Watch(cls, cls.room)

    def client(self, proxy=None, transports="obfs4,dummy", **more):
        child = start_client(self, transports, room=self.room, PROXY=proxy, **more)
        if proxy:
            child.expect(r"^PROXY DONE$")
        self.watch.seen()
        return child

    def connect(self, child, target, arguments=None, transport="obfs4", timeout=40):
        address = child.method(transport).address
        return self.room.inside(lambda: socks.connect(address, target, arguments, timeout))

    def assert_echo(self, connection):
        data = noise(60000, 61)
        connection.sendall(data)
        self.assertEqual(read_exactly(connection, len(data)), data)

    def assert_refused(self, code, child, target, arguments=None, transport="obfs4"):
        with self.assertRaises(socks.Refused) as refused:
            self.connect(child, target, arguments, transport).close()
        self.assertIn(refused.exception.code, code if isinstance(code, tuple) else (code,), child.transcript())


class Control(RoomStory):
    def test_without_a_proxy_the_same_packets_go_straight(self):
        """What the other cases rule out is possible here, and the watch sees it."""
        child = self.client()
        with self.connect(child, (Rooms.BRIDGE, 4433), self.arguments) as connection:
            self.assert_echo(connection)
        self.assertEqual(self.watch.seen(), {("tcp", Rooms.BRIDGE, 4433)})
        with self.connect(child, (Rooms.BRIDGE6, 4433), self.arguments6) as connection:
            self.assert_echo(connection)
        self.assertEqual(self.watch.seen(), {("tcp", Rooms.BRIDGE6, 4433)})
        self.assert_refused(4, child, (Rooms.NAME, 4433), self.arguments)
        self.assertEqual(self.watch.seen(), {("udp", Rooms.WORLD, 53)})


class ThroughRealProxies(RoomStory):
    def targets(self, name):
        yield (Rooms.BRIDGE, 4433), self.arguments
        if name != "Dante, SOCKS4a":  # Debian's Dante turns every SOCKS4a name down, curl's too
            yield (Rooms.NAME, 4433), self.arguments
        if "Dante" not in name:  # this one is configured for IPv4
            yield (Rooms.BRIDGE6, 4433), self.arguments6

    def test_they_carry_the_bridge_connection_and_its_name(self):
        for name, upstream in UPSTREAMS.items():
            proxy = upstream.start(self, self.world)
            child = self.client(upstream.uri)
            for target, arguments in self.targets(name):
                with self.subTest(upstream=name, target=target):
                    with self.connect(child, target, arguments) as connection:
                        self.assert_echo(connection)
                    self.assertEqual(self.watch.seen(), upstream.alone)
                    host = rf"\[?{re.escape(target[0])}\]?" + (rf"|{re.escape(Rooms.BRIDGE)}" if target[0] == Rooms.NAME else "")
                    said = "\n".join(proxy.stdout + proxy.stderr)
                    self.assertRegex(said, upstream.log.format(host=f"(?:{host})", port=target[1]), proxy.transcript())
            self.stop(child)
            proxy.end()

    def test_a_name_that_a_socks4_proxy_turns_down(self):
        upstream = UPSTREAMS["Dante, SOCKS4a"]
        upstream.start(self, self.world)
        child = self.client(upstream.uri)
        self.assert_refused(1, child, (Rooms.NAME, 4433), self.arguments)
        self.assertEqual(self.watch.seen(), upstream.alone)

    def test_ipv6_that_socks4a_has_no_form_for(self):
        upstream = UPSTREAMS["Dante, SOCKS4a"]
        upstream.start(self, self.world)
        child = self.client(upstream.uri)
        self.assert_refused(8, child, (Rooms.BRIDGE6, 4433), self.arguments6)
        self.assertLessEqual(self.watch.seen(), upstream.alone)


class NeverAround(RoomStory):
    def test_a_proxy_that_cannot_reach_the_bridge(self):
        for name, upstream in UPSTREAMS.items():
            with self.subTest(upstream=name):
                proxy = upstream.start(self, self.world)
                child = self.client(upstream.uri)
                self.assert_refused(upstream.refused, child, (Rooms.BRIDGE, 9), self.arguments)
                self.assert_refused((1, 4), child, ("nowhere.invalid", 4433), self.arguments)
                self.assertEqual(self.watch.seen(), upstream.alone)
                proxy.end()

    def test_a_proxy_that_does_not_take_our_password(self):
        for name, upstream in UPSTREAMS.items():
            if not upstream.wrong:
                continue
            with self.subTest(upstream=name):
                proxy = upstream.start(self, self.world)
                for uri in (upstream.wrong, re.sub("//.*@", "//", upstream.uri)):
                    child = self.client(uri)
                    for target in ((Rooms.BRIDGE, 4433), (Rooms.NAME, 4433)):
                        self.assert_refused(1, child, target, self.arguments)
                    self.assertEqual(self.watch.seen(), upstream.alone)
                    child.expect(r"no connection to \[scrubbed\]: the upstream proxy", "stderr")
                    self.assertNotIn("wrong", "\n".join(child.stdout + child.stderr))
                proxy.end()

    def test_a_proxy_that_is_gone(self):
        for name, upstream in UPSTREAMS.items():
            with self.subTest(upstream=name):
                child = self.client(upstream.uri)
                for transport in ("obfs4", "dummy"):
                    for target in ((Rooms.BRIDGE, 4433), (Rooms.NAME, 4433)):
                        self.assert_refused(5, child, target, self.arguments if transport == "obfs4" else None, transport)
                self.assertEqual(self.watch.seen(), upstream.alone)

    def test_a_proxy_that_dies_while_it_is_asked(self):
        for name, upstream in UPSTREAMS.items():
            with self.subTest(upstream=name):
                proxy = upstream.start(self, self.world)
                child = self.client(upstream.uri)
                everybody = [proxy.pid, *self.descendants(proxy.pid)]
                for pid in everybody:
                    os.kill(pid, signal.SIGSTOP)
                kill = threading.Timer(0.5, lambda: [os.kill(pid, signal.SIGKILL) for pid in everybody])
                kill.start()
                self.assert_refused(1, child, (Rooms.NAME, 4433), self.arguments)
                kill.join()
                self.assertEqual(self.watch.seen(), upstream.alone)
                proxy.end()

    def test_a_proxy_that_dies_under_a_live_connection(self):
        for name, upstream in UPSTREAMS.items():
            with self.subTest(upstream=name):
                proxy = upstream.start(self, self.world)
                child = self.client(upstream.uri)
                connection = self.connect(child, (Rooms.BRIDGE, 4433), self.arguments)
                self.addCleanup(shut, connection)
                self.assert_echo(connection)
                for pid in [proxy.pid, *self.descendants(proxy.pid)]:
                    os.kill(pid, signal.SIGKILL)
                connection.settimeout(10)
                try:
                    self.assertEqual(connection.recv(1), b"")
                except ConnectionResetError:
                    pass
                proxy.end()
                self.assert_refused(5, child, (Rooms.BRIDGE, 4433), self.arguments)
                self.assertEqual(self.watch.seen(), upstream.alone)

    @staticmethod
    def descendants(pid):
        found = []
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, task.read_text().split()):
                found += [child, *NeverAround.descendants(child)]
        return found


if __name__ == "__main__":
    pt.main()
