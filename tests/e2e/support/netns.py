"""Network namespaces of a story's own: a room for a client, and a world with which one watched cable joins it."""
import atexit
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

from support.pt import Child, bare_environment, on_exit, wait_until

CLONE_NEWNET = 0x40000000
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86dd
NEIGHBOURS = {133, 134, 135, 136, 143}  # ICMPv6 that IPv6 itself needs on a cable

_libc = ctypes.CDLL(None, use_errno=True)
_standing = set()


def _end_leftovers():
    for namespace in list(_standing):
        namespace.end()


atexit.register(_end_leftovers)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)


class Namespace:
    """Loopback and whatever cables are laid to it; `files` take the place of those in /etc for programs inside."""

    def __init__(self, owner, name, files=None):
        self.name = f"ptproxy-{os.getpid()}-{name}"
        self._files = pathlib.Path("/etc/netns") / self.name
        try:
            ip("netns", "add", self.name)
        except (OSError, subprocess.CalledProcessError) as failure:
            told = getattr(failure, "stderr", "") or str(failure)
            raise unittest.SkipTest(f"no network namespaces here (root and iproute2 are needed): {told.strip()}") from None
        _standing.add(self)
        on_exit(owner, self.end)
        ip("-n", self.name, "link", "set", "lo", "up")
        for file, text in (files or {}).items():
            self.write(file, text)

    def write(self, file, text):
        """Puts a file into the /etc of programs that are started from now on."""
        self._files.mkdir(parents=True, exist_ok=True)
        (self._files / file).write_text(text)

    def end(self):
        """Kills whoever is inside and takes it down; harmless the second time."""
        if self not in _standing:
            return
        _standing.discard(self)
        inside = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, timeout=20).stdout
        for pid in inside.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        ip("netns", "del", self.name)
        shutil.rmtree(self._files, ignore_errors=True)
        try:
            self._files.parent.rmdir()
        except OSError:
            pass  # never made, or somebody else has files there

    def command(self, words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def start(self, owner, words):
        """A program inside, ended with the owner."""
        child = Child(self.command(words), bare_environment())
        on_exit(owner, child.end)
        return child

    def address(self, device, *addresses):
        for address in addresses:
            ip("-n", self.name, "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))

    def inside(self, action):
        """The result of action(), run inside; the sockets and threads that it makes stay inside."""
        outcome = []

        def enter():
            try:
                with open(f"/run/netns/{self.name}") as place:
                    if _libc.setns(place.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                outcome.append((action(), None))
            except BaseException as failure:
                outcome.append((None, failure))

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        thread.join(100)
        if not outcome:
            raise AssertionError("an action inside a namespace did not end")
        value, failure = outcome[0]
        if failure:
            raise failure
        return value


class Rooms:
    """A client's room and the world. The cable leads everywhere: nothing but good manners keeps a client on its proxy,
    and the watch sees every packet that leaves the room."""

    CLIENT, CLIENT_2, WORLD = "10.77.0.2", "10.77.0.3", "10.77.0.1"
    CLIENT6, CLIENT6_2, WORLD6 = "fd77::2", "fd77::3", "fd77::1"
    BRIDGE, BRIDGE6, NAME = "192.0.2.1", "2001:db8::1", "bridge.invalid"

    def __init__(self, owner):
        self.world = Namespace(owner, "world", {
            "hosts": f"127.0.0.1 localhost\n{self.BRIDGE} {self.NAME}\n", "resolv.conf": "nameserver 127.0.0.1\n"})
        self.client = Namespace(owner, "client", {
            "hosts": "127.0.0.1 localhost\n", "resolv.conf": f"nameserver {self.WORLD}\noptions timeout:1 attempts:1\n"})
        ip("link", "add", "cable", "netns", self.client.name, "type", "veth", "peer", "name", "cable", "netns", self.world.name)
        self.client.address("cable", f"{self.CLIENT}/24", f"{self.CLIENT_2}/24", f"{self.CLIENT6}/64", f"{self.CLIENT6_2}/64")
        self.world.address("cable", f"{self.WORLD}/24", f"{self.WORLD6}/64")
        self.world.address("lo", f"{self.BRIDGE}/32", f"{self.BRIDGE6}/128")
        for room in (self.world, self.client):
            ip("-n", room.name, "link", "set", "cable", "up")
        ip("-n", self.client.name, "route", "add", "default", "via", self.WORLD)
        ip("-n", self.client.name, "-6", "route", "add", "default", "via", self.WORLD6)


class Watch:
    """Every packet that leaves a namespace over a cable, as a set of (protocol, address, port)."""

    def __init__(self, owner, namespace):
        self._socket = namespace.inside(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)))
        self._seen = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._socket.settimeout(0.1)
        self._open = True
        self._thread.start()
        on_exit(owner, self._close)

    def _close(self):
        self._open = False
        self._thread.join(5)
        self._socket.close()

    def _listen(self):
        while self._open:
            try:
                packet, (device, kind, direction, *_) = self._socket.recvfrom(65536)
            except socket.timeout:
                continue
            if device == "lo" or direction != socket.PACKET_OUTGOING:
                continue
            found = self._read(kind, packet)
            if found:
                with self._lock:
                    self._seen.add(found)

    @staticmethod
    def _read(kind, packet):
        if kind == ETH_P_IP:
            protocol, target = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
            body = packet[(packet[0] & 15) * 4:]
        elif kind == ETH_P_IPV6:
            protocol, target = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
            body = packet[40:]
            # Multicast listener reports come with an extension header.
            if protocol == 0 or protocol == 58 and body[0] in NEIGHBOURS:
                return None
        else:
            return None  # ARP
        names = {6: "tcp", 17: "udp"}
        if protocol not in names:
            return (protocol, target, None)
        return (names[protocol], target, struct.unpack(">H", body[2:4])[0])

    def seen(self):
        """What has left since the last call. A packet is on the cable before its answer is back; the rest is for the watch."""
        time.sleep(0.15)
        with self._lock:
            seen, self._seen = self._seen, set()
        return seen


def wait_for_listener(namespace, address, timeout=10):
    """Until somebody accepts there."""
    def try_it():
        try:
            socket.create_connection(address, 2).close()
            return True
        except OSError:
            return False

    namespace.inside(lambda: wait_until(try_it, timeout, f"a listener at {address}"))
