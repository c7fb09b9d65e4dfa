#!/usr/bin/env python3
"""Datagrams per second, and CPU for a million of them, through ptproxy in transparent-UDP mode and through socat.

Prints a table and asserts nothing. PTPROXY names the program; --seconds sets how long each cell runs. Both ends of each
tunnel run on this machine, and so does the load, so compare the columns, not the numbers with another machine's.

socat carries UDP over TCP without any framing: what TCP joins arrives as one long datagram. Its datagrams are counted by
their bytes, as if it had kept them apart.
"""
import argparse
import pathlib
import shutil
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from support import pt  # noqa: E402
from support.peers import LOOPBACK, closed_port  # noqa: E402
from support.udp import UdpPair, udp_socket  # noqa: E402

SIZES = (64, 512, 1400)
WINDOW = 1024  # datagrams under way at a time
SOL_UDP, UDP_SEGMENT = 17, 103  # one call of send becomes many datagrams: the load shall not be the bottleneck


class Ends:
    """What a tunnel is made of: where to send to, and the processes whose CPU time counts."""

    def __init__(self, address, processes):
        self.address, self._processes = address, processes

    def cpu_seconds(self):
        return sum(int(pathlib.Path(f"/proc/{child.pid}/schedstat").read_text().split()[0]) for child in self._processes) / 1e9


def through_ptproxy(transport):
    def start(owner, sink):
        pair = UdpPair(owner, sink.getsockname(), transport)
        return Ends(pair.proxy, (pair.client, pair.server))
    return start


def through_socat(owner, sink):
    tunnel, door = closed_port(), udp_socket(owner)
    address = door.getsockname()
    door.close()
    far = pt.Child(["socat", f"TCP-LISTEN:{tunnel[1]},bind={LOOPBACK},nodelay", f"UDP:{LOOPBACK}:{sink.getsockname()[1]}"])
    pt.on_exit(owner, far.end)
    time.sleep(0.3)
    near = pt.Child(["socat", f"UDP-LISTEN:{address[1]},bind={LOOPBACK}", f"TCP:{LOOPBACK}:{tunnel[1]},nodelay"])
    pt.on_exit(owner, near.end)
    time.sleep(0.3)
    return Ends(address, (near, far))


def received(sink):
    """Bytes of everything that waits at the sink."""
    total = 0
    while True:
        try:
            total += len(sink.recv(65536))
        except BlockingIOError:
            return total


def measure(owner, start, size, seconds):
    """(datagrams per second, CPU seconds per million)"""
    sink = udp_socket(owner)
    ends = start(owner, sink)
    source = udp_socket(owner, ends.address)
    source.send(bytes(size))  # the first one opens the connection
    time.sleep(0.5)
    source.setsockopt(SOL_UDP, UDP_SEGMENT, size)
    burst = bytes(size) * min(64, 60000 // size)
    sink.setblocking(False)
    received(sink)
    under_way = arrived = 0
    cpu, begin = ends.cpu_seconds(), time.monotonic()
    last_news = now = begin
    while now - begin < seconds:
        while under_way < WINDOW * size:
            source.send(burst)
            under_way += len(burst)
        news = received(sink)
        now = time.monotonic()
        if news:
            arrived, under_way, last_news = arrived + news, max(0, under_way - news), now
        elif now - last_news > 0.1:
            under_way, last_news = 0, now  # the rest is lost
    datagrams = arrived / size
    return datagrams / (now - begin), (ends.cpu_seconds() - cpu) / max(datagrams, 1) * 1e6


class Bench(unittest.TestCase):
    seconds = 3.0

    def test_table(self):
        ways = {"dummy": through_ptproxy("dummy"), "obfs4": through_ptproxy("obfs4")}
        if shutil.which("socat"):
            ways["socat"] = through_socat
        print(f"\n{'bytes':>5}  {'through':<7} {'datagrams/s':>12} {'MB/s':>7} {'CPU s/million':>14}   {'rate and CPU against socat':<26}")
        for size in SIZES:
            results = {name: measure(self, start, size, self.seconds) for name, start in ways.items()}
            for name, (rate, cpu) in results.items():
                compared = ""
                if "socat" in results and name != "socat":
                    compared = f"{rate / results['socat'][0]:8.2f} x {cpu / results['socat'][1]:12.2f} x"
                print(f"{size:>5}  {name:<7} {rate:>12,.0f} {rate * size / 1e6:>7.1f} {cpu:>14.2f}   {compared}", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=Bench.seconds)
    Bench.seconds = options.parse_args().seconds
    unittest.main(argv=sys.argv[:1])
