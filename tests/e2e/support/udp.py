"""UDP applications, a pair of ptproxys in a UDP mode between them, and what became of every datagram."""
import pathlib
import re
import socket
import threading
import time

from support.peers import LOOPBACK
from support.pt import on_exit, start_client, start_server, wait_until

LONGEST = 65507
MIB = 1 << 20

FLOW_OVER = re.compile(r"a UDP flow is over \((?P<why>[^)]*)\): (?P<accepted>\d+) datagrams \((?P<accepted_bytes>\d+) bytes\) "
                       r"into the transport, (?P<delivered>\d+) \((?P<delivered_bytes>\d+) bytes\) out of it; dropped: "
                       r"(?P<connecting>\d+) while connecting, (?P<no_room>\d+) for want of room, (?P<not_stun>\d+) that were not "
                       r"STUN, (?P<cut_off>\d+) cut off, (?P<refused>\d+) refused by the network")


def udp_socket(owner, connect=None, timeout=10, host=LOOPBACK):
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    on_exit(owner, made.close)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)
    made.settimeout(timeout)
    if connect:
        made.connect(connect)
    else:
        made.bind((host, 0))
    return made


def kernel_drops(port):
    """Datagrams that the kernel dropped before the loopback sockets of that port as they did not read in time."""
    found = 0
    for row in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
        words = row.split()
        if int(words[1].split(":")[1], 16) == port:
            found += int(words[-1])
    return found


class EchoApp:
    """Answers every datagram with itself, in a thread."""

    def __init__(self, owner):
        self._socket = udp_socket(owner, timeout=0.2)
        self.address = self._socket.getsockname()
        self.heard = []
        self._over = False
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        on_exit(owner, self._end)

    def _answer(self):
        while not self._over:
            try:
                datagram, peer = self._socket.recvfrom(LONGEST + 1)
            except socket.timeout:
                continue
            except OSError:
                return
            self.heard.append(datagram)
            self._socket.sendto(datagram, peer)

    def _end(self):
        self._over = True
        self._thread.join(5)


def address_of(pair):
    host, port = pair
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class UdpPair:
    """A client and a server of one transport in a UDP mode, in front of an application."""

    def __init__(self, owner, app_address, transport="obfs4", mode=("-mode", "transparent-UDP"), client_flags=(),
                 server_flags=()):
        self.server = start_server(owner, app_address, transport, flags=[*mode, *server_flags])
        self.bridge = self.server.method(transport)
        arguments = ";".join(f"{key}={value}" for key, value in self.bridge.arguments.items())
        self.client = start_client(owner, transport, flags=[
            *mode, "-target", address_of(self.bridge.address), *(["-options", arguments] if arguments else []), *client_flags])
        self.method = self.client.method(transport)
        self.proxy = self.method.address

    def flows(self, side="client"):
        """The counters of every flow that is over."""
        child = self.client if side == "client" else self.server
        matches = (FLOW_OVER.search(line) for line in child.stderr)
        return [{key: value if key == "why" else int(value) for key, value in match.groupdict().items()} for match in matches if match]

    def flow(self, side="client", timeout=10):
        """The counters of the first flow that is over, which may still be to come."""
        return wait_until(lambda: self.flows(side), timeout, f"the end of a flow at the {side}")[0]

    def warm_up(self, app, first=b"first"):
        """Sends until a datagram comes back: the first ones are dropped. How many that took."""
        app.settimeout(0.3)
        for attempt in range(1, 40):
            app.send(first)
            try:
                app.recv(LONGEST)
            except socket.timeout:
                continue
            app.settimeout(10)
            return attempt
        raise AssertionError(f"no answer:\n{self.client.transcript()}\n{self.server.transcript()}")
