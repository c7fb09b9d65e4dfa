#!/usr/bin/env python3
"""Measures pairs of ptproxy against pairs of Debian's obfs4proxy in one run, from /proc of each process.

Usage: bench.py PTPROXY TOOLS [--runs N] [--idle N] [--json FILE] [--rows WORD,...]
TOOLS is the directory that holds bare_relay, echo and ping.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

MIB, GIB = 1 << 20, 1 << 30
BULK = 256 * MIB


class Owner:
    """Ends what a measurement started."""

    def __init__(self):
        self._cleanups = []

    def addCleanup(self, function, *args, **kwargs):
        self._cleanups.append((function, args, kwargs))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for function, args, kwargs in reversed(self._cleanups):
            function(*args, **kwargs)


def cpu_seconds(child):
    """CPU time of all its threads, in nanosecond steps."""
    total = 0
    for task in pathlib.Path(f"/proc/{child.pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9


class Pair:
    """App -> client -> server -> app, of one program."""

    def __init__(self, owner, program, transport, app):
        self.server = pt.start_server(owner, app, transports=transport, program=program)
        self.client = pt.start_client(owner, transports=transport, program=program)
        bridge = self.server.method(transport)
        self.bridge, self.arguments = bridge.address, dict(bridge.arguments)
        self.door = self.client.method(transport).address
        self.children = [self.client, self.server]

    def connect(self):
        return socks.connect(self.door, self.bridge, self.arguments)


class BareChain:
    """The same way through two relays that only copy."""

    def __init__(self, owner, command, app):
        self.children, target = [], app[1]
        for _ in range(2):
            port = pt_free_port()
            child = pt.Child([str(word).format(port=port, target=target) for word in command])
            owner.addCleanup(child.end)
            self.children.append(child)
            wait_for_port(port) if command[0] == "socat" else child.expect("ready")
            target = port
        self.door = ("127.0.0.1", target)

    def connect(self):
        return socket.create_connection(self.door)


def pt_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    # Listening shows in /proc: a connection would be taken for the one to serve.
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    pt.wait_until(lambda: wanted in pathlib.Path("/proc/net/tcp").read_text(), 5)


def bulk_app(owner):
    """Sends BULK bytes, then swallows BULK bytes and answers with one."""
    block = bytes(MIB)

    def talk(connection):
        for _ in range(BULK // MIB):
            connection.sendall(block)
        swallow(connection, BULK)
        connection.sendall(b"!")

    return peers.Acceptor(owner, talk)


def swallow(connection, amount):
    space = bytearray(512 * 1024)
    while amount:
        got = connection.recv_into(space, min(len(space), amount))
        if not got:
            raise SystemExit("the connection ended early")
        amount -= got


def measure_bulk(make):
    """CPU seconds per GiB and side, and MiB/s of one stream."""
    with Owner() as owner:
        chain = make(owner, bulk_app(owner).address)
        with chain.connect() as connection:
            before = sum(map(cpu_seconds, chain.children))
            began = time.monotonic()
            swallow(connection, BULK)
            seconds = time.monotonic() - began
            block = bytes(MIB)
            for _ in range(BULK // MIB):
                connection.sendall(block)
            swallow(connection, 1)
            spent = sum(map(cpu_seconds, chain.children)) - before
        return spent / 2 / (2 * BULK / GIB), BULK / MIB / seconds


def measure_setup(make, at_once, connections=480):
    """CPU milliseconds per connection and side, from nothing to the first echoed byte, so many of them at a time."""
    with Owner() as owner:
        chain = make(owner, peers.Acceptor(owner, peers.echo).address)

        def go(amount):
            for _ in range(amount):
                with chain.connect() as connection:
                    connection.sendall(b"x")
                    swallow(connection, 1)

        go(connections // 4)  # warm
        before = sum(map(cpu_seconds, chain.children))
        with concurrent.futures.ThreadPoolExecutor(at_once) as threads:
            list(threads.map(go, [connections // at_once] * at_once))
        return (sum(map(cpu_seconds, chain.children)) - before) / 2 / connections * 1e3


class IdleApp:
    """Echoes one byte on each connection, then keeps it open, without a thread for each."""

    def __init__(self, owner):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self._listener.getsockname()
        self._open = []
        owner.addCleanup(self._end)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            while True:
                connection, _ = self._listener.accept()
                connection.sendall(connection.recv(1))
                self._open.append(connection)
        except OSError:
            pass

    def _end(self):
        self._listener.close()
        for connection in self._open:
            connection.close()


def measure_idle(make, connections):
    """KiB of resident memory per idle connection and side."""
    with Owner() as owner:
        chain = make(owner, IdleApp(owner).address)
        for _ in range(4):
            with chain.connect() as connection:
                connection.sendall(b"x")
                swallow(connection, 1)
        before = sum(child.resident_kib() for child in chain.children)
        held = []
        try:
            for _ in range(connections):
                connection = chain.connect()
                connection.sendall(b"x")
                swallow(connection, 1)
                held.append(connection)
            time.sleep(3)
            return (sum(child.resident_kib() for child in chain.children) - before) / 2 / connections
        finally:
            for connection in held:
                connection.close()


def ping(tools, connection, trips):
    """Microseconds there and back for 64 bytes: median and 99th percentile."""
    connection.settimeout(None)
    said = subprocess.run([tools / "ping", str(connection.fileno()), str(trips)], text=True, check=True,
                          pass_fds=[connection.fileno()], stdout=subprocess.PIPE, timeout=120).stdout
    return tuple(map(float, said.split()))


def measure_round_trips(make, tools, trips=3000):
    """One connection, and nothing else to do."""
    with Owner() as owner:
        port = pt_free_port()
        app = pt.Child([tools / "echo", port])
        owner.addCleanup(app.end)
        app.expect("ready")
        chain = make(owner, ("127.0.0.1", port))
        with chain.connect() as connection:
            return ping(tools, connection, trips)


def measure_crowded_round_trips(make, tools, trips=300):
    """Beside another connection that takes whatever comes."""
    block = bytes(MIB)

    def talk(connection):
        if connection.recv(1, socket.MSG_PEEK) == b"b":
            while True:
                connection.sendall(block)
        peers.echo(connection)

    def take(connection):
        space = bytearray(MIB)
        with contextlib.suppress(ConnectionError):  # which is how it ends
            while connection.recv_into(space):
                pass

    with Owner() as owner:
        chain = make(owner, peers.Acceptor(owner, talk).address)
        with chain.connect() as bulk, chain.connect() as connection:
            bulk.sendall(b"b")
            taker = threading.Thread(target=take, args=(bulk,), daemon=True)
            taker.start()
            time.sleep(0.3)
            try:
                return ping(tools, connection, trips)
            finally:
                bulk.shutdown(socket.SHUT_RDWR)
                taker.join()


def measure_start(program):
    """Milliseconds from fork to CMETHODS DONE, and KiB resident then."""
    with Owner() as owner:
        began = time.perf_counter()
        client = pt.start_client(owner, program=program)
        client.expect(r"^CMETHODS DONE$")
        return (time.perf_counter() - began) * 1e3, client.resident_kib()


def socat_chain(owner, app):
    return BareChain(
        owner, ["socat", "-b", "32768", "TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr", "TCP:127.0.0.1:{target}"], app)


def middle(results):
    """The median of numbers, or of each place of tuples."""
    return tuple(map(statistics.median, zip(*results))) if isinstance(results[0], tuple) else statistics.median(results)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, name, unit, peer, ours, wanted, peer_name="obfs4proxy"):
        """`peer` and `ours` are lists with one number a run."""
        ratios = sorted(o / p for o, p in zip(ours, peer))
        row = {"row": name, "unit": unit, "peer": peer_name, "peer_median": statistics.median(peer),
               "ptproxy_median": statistics.median(ours), "ratio_min": ratios[0],
               "ratio_median": statistics.median(ratios), "ratio_max": ratios[-1], "wanted": wanted}
        self.rows.append(row)
        if len(self.rows) == 1:
            print(f"{'':34} {'peer':>11} {'ptproxy':>10}   ratio (min median max)   wanted")
        print(f"{name + ', ' + unit:34.34} {row['peer_median']:11.2f} {row['ptproxy_median']:10.2f}   "
              f"{row['ratio_min']:5.2f} {row['ratio_median']:5.2f} {row['ratio_max']:5.2f}        {wanted}"
              + ("" if peer_name == "obfs4proxy" else f"   (against {peer_name})"), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ptproxy")
    parser.add_argument("tools", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle", type=int, default=10000)
    parser.add_argument("--json")
    parser.add_argument("--rows", default="bulk,setup,idle,trips,start,relay")
    options = parser.parse_args()
    os.environ["PTPROXY"] = os.path.abspath(options.ptproxy)
    global pt, socks, peers
    from support import peers, pt, socks
    # Each idle connection takes two descriptors here and two in each child.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options.idle = min(options.idle, (most - 200) // 2)
    table, rows, runs = Table(), options.rows.split(","), range(options.runs)

    def in_turn(measures, launches=1):
        """For each measure its numbers, or tuples, one a run. A run launches all of them in turn, so that they see the
        same machine; where that is done several times (for rows that hang on which processor a process wakes up on), a
        run's number is the median of its launches."""
        found = [[] for _ in measures]
        for _ in runs:
            launched = [[] for _ in measures]
            for _ in range(launches):
                for results, measure in zip(launched, measures):
                    results.append(measure())
            for results, of_run in zip(found, launched):
                results.append(middle(of_run))
        return found

    def both(measure, transport, *more, launches=1):
        return in_turn([lambda: measure(pair_of(pt.OBFS4PROXY, transport), *more),
                        lambda: measure(pair_of(None, transport), *more)], launches)

    def pair_of(program, transport):
        return lambda owner, app: Pair(owner, program, transport, app)

    def bare_chain(owner, app):
        return BareChain(owner, [options.tools / "bare_relay", "{port}", "{target}"], app)

    if "bulk" in rows:
        available = [name for name in ("obfs4", "obfs3", "obfs2") if has_transport(name)]
        for transport in available:
            peer, ours = both(measure_bulk, transport)
            table.add(f"{transport} bulk", "CPU-s/GiB a side", [p[0] for p in peer], [o[0] for o in ours], "<= 0.33")
            if transport == "obfs4":
                table.add("obfs4 one stream", "MiB/s", [p[1] for p in peer], [o[1] for o in ours], ">= 2")
    if "setup" in rows:
        for at_once in (1, 4):
            table.add(f"obfs4 set-up, {at_once} at a time", "CPU-ms a side", *both(measure_setup, "obfs4", at_once, launches=3),
                      "<= 0.33")
    if "idle" in rows:
        runs = range(1)
        table.add(f"obfs4 idle ({options.idle})", "KiB a side", *both(measure_idle, "obfs4", options.idle), "<= 0.10, < 10 KiB")
        runs = range(options.runs)
    if "trips" in rows:
        peer, ours, floor = in_turn([lambda: measure_round_trips(pair_of(pt.OBFS4PROXY, "obfs4"), options.tools),
                                     lambda: measure_round_trips(pair_of(None, "obfs4"), options.tools),
                                     lambda: measure_round_trips(bare_chain, options.tools)], launches=3)
        table.add("obfs4 round trip p50", "us", [p[0] for p in peer], [o[0] for o in ours], "<= 0.6")
        table.add("obfs4 round trip p99", "us", [p[1] for p in peer], [o[1] for o in ours], "<= 0.6")
        crowd = in_turn([lambda: measure_crowded_round_trips(pair_of(pt.OBFS4PROXY, "obfs4"), options.tools),
                         lambda: measure_crowded_round_trips(pair_of(None, "obfs4"), options.tools)])
        for place, name in enumerate(("p50", "p99")):
            table.add(f"beside a bulk stream {name}", "us", *([c[place] for c in one] for one in crowd), "")
        # What no relay is faster than: how far the ratio can go down on this machine.
        table.add("bare relays' round trip p50", "us", [p[0] for p in peer], [f[0] for f in floor], "")
    if "start" in rows:
        peer, ours = in_turn([lambda: measure_start(pt.OBFS4PROXY), lambda: measure_start(None)], launches=3)
        table.add("start to CMETHODS DONE", "ms", [p[0] for p in peer], [o[0] for o in ours], "<= 1")
        table.add("resident at start", "KiB", [p[1] for p in peer], [o[1] for o in ours], "<= 1")
    if "relay" in rows:
        ours, bare, socat = in_turn([lambda: measure_bulk(pair_of(None, "dummy"))[0], lambda: measure_bulk(bare_chain)[0],
                                     lambda: measure_bulk(socat_chain)[0]])
        table.add("dummy relay", "CPU-s/GiB a side", bare, ours, "<= 1.15", "a bare relay")
        table.add("dummy relay", "CPU-s/GiB a side", socat, ours, "", "socat")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(table.rows, indent=1) + "\n")


def has_transport(name):
    with Owner() as owner:
        client = pt.start_client(owner, transports=name)
        return name in client.methods()


if __name__ == "__main__":
    main()
