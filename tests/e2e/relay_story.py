"""Bytes through a pair of ptproxys: half-closes, both ways at once, slow readers, crowds, and a way without SOCKS."""
import json
import os
import resource
import selectors
import socket
import struct
import threading
import time

from support import pt, socks
from support.peers import (Acceptor, BulkApp, closed_port, dial, echo, exchange, hears_end, noise, read_exactly,
                           read_to_end,
                           sha256)
from support.pt import Story, start_client, start_server, wait_until

MIB = 1 << 20
TRANSPORTS = ("dummy", "obfs4")


def arguments_of(method):
    return method.arguments or None


def open_descriptors(child):
    return len(os.listdir(f"/proc/{child.pid}/fd"))


def processor_seconds(child):
    """User and system time that it has used so far."""
    with open(f"/proc/{child.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pair:
    """A ptproxy client and a ptproxy server of one transport, in front of an application."""

    def __init__(self, owner, transport, app_address, **more):
        self.server = start_server(owner, app_address, transport, **more)
        self.bridge = self.server.method(transport)
        self.client = start_client(owner, transport)
        self.proxy = self.client.method(transport).address

    def connect(self):
        return socks.connect(self.proxy, self.bridge.address, arguments_of(self.bridge))


class RelayStory(Story):
    def pair(self, transport, talk):
        app = talk if isinstance(talk, Acceptor) else Acceptor(self, talk)
        pair = Pair(self, transport, app.address)
        pair.app = app
        return pair


class HalfClose(RelayStory):
    def test_the_answer_to_a_finished_request_arrives_whole(self):
        question, answer = noise(300000, 1), noise(3 * MIB, 2)
        asked = []

        def reply_after_the_end(connection):
            asked.append(read_to_end(connection))
            connection.sendall(answer)

        for transport in TRANSPORTS:
            with self.subTest(transport=transport):
                pair = self.pair(transport, reply_after_the_end)
                with pair.connect() as connection:
                    connection.settimeout(30)
                    connection.sendall(question)
                    connection.shutdown(socket.SHUT_WR)
                    self.assertEqual(sha256(read_to_end(connection)), sha256(answer))
                self.assertEqual(sha256(asked.pop()), sha256(question))

    def test_a_server_that_finished_first_still_gets_everything(self):
        question = noise(3 * MIB, 3)
        asked, over = [], threading.Event()

        def say_little_then_listen(connection):
            connection.sendall(b"that is all from me")
            connection.shutdown(socket.SHUT_WR)
            asked.append(read_to_end(connection))
            over.set()

        for transport in TRANSPORTS:
            with self.subTest(transport=transport):
                over.clear()
                pair = self.pair(transport, say_little_then_listen)
                with pair.connect() as connection:
                    connection.settimeout(30)
                    self.assertEqual(read_to_end(connection), b"that is all from me")
                    connection.sendall(question)
                    connection.shutdown(socket.SHUT_WR)
                    self.assertTrue(over.wait(30))
                self.assertEqual(sha256(asked.pop()), sha256(question))

    def test_an_empty_conversation_ends(self):
        for transport in TRANSPORTS:
            pair = self.pair(transport, echo)
            with pair.connect() as connection:
                connection.shutdown(socket.SHUT_WR)
                self.assertTrue(hears_end(connection, 5))


class Endings(RelayStory):
    def test_a_reset_reaches_the_other_side(self):
        ended = threading.Event()

        def wait_for_the_end(connection):
            try:
                read_to_end(connection)
            finally:
                ended.set()

        for transport in TRANSPORTS:
            ended.clear()
            pair = self.pair(transport, wait_for_the_end)
            connection = pair.connect()
            connection.sendall(b"hello")
            wait_until(lambda: pair.app.accepted, 5, "the application's connection")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            self.assertTrue(ended.wait(5), transport)

    def test_a_closing_application_ends_the_connection(self):
        for transport in TRANSPORTS:
            pair = self.pair(transport, lambda connection: connection.sendall(b"bye"))
            with pair.connect() as connection:
                connection.settimeout(10)
                self.assertEqual(read_to_end(connection), b"bye")

    def test_an_absent_application_ends_the_connection_and_nothing_else(self):
        for transport in TRANSPORTS:
            pair = Pair(self, transport, closed_port())
            for _ in range(3):
                try:
                    connection = pair.connect()
                except socks.Refused:
                    continue
                self.assertTrue(hears_end(connection, 5))
                connection.close()
            self.assertTrue(pair.server.is_running())


class Throughput(RelayStory):
    def test_both_directions_at_once(self):
        down, up = noise(24 * MIB, 4), noise(24 * MIB, 5)
        for transport in TRANSPORTS:
            with self.subTest(transport=transport):
                app = BulkApp(self, down, len(up))
                pair = self.pair(transport, app)
                with pair.connect() as connection:
                    connection.settimeout(60)
                    self.assertEqual(exchange(connection, up, len(down)), sha256(down))
                    self.assertEqual(app.digest(), sha256(up))

    def test_small_writes_come_out_in_order_and_at_once(self):
        for transport in TRANSPORTS:
            pair = self.pair(transport, echo)
            with pair.connect() as connection:
                began = time.monotonic()
                for number in range(500):
                    connection.sendall(bytes([number % 256]))
                    self.assertEqual(read_exactly(connection, 1), bytes([number % 256]))
                self.assertLess(time.monotonic() - began, 10, "a byte is not kept back")


class SlowReaders(RelayStory):
    def test_memory_stays_bounded_while_nobody_reads(self):
        connections, offered = 8, 32 * MIB  # 256 MiB in all
        for transport in TRANSPORTS:
            with self.subTest(transport=transport):
                release, got = threading.Event(), []

                def read_late(connection):
                    release.wait(60)
                    got.append(sha256(read_to_end(connection)))

                pair = self.pair(transport, read_late)
                sockets = [pair.connect() for _ in range(connections)]
                before = [pair.client.resident_kib(), pair.server.resident_kib()]
                data = memoryview(noise(offered, 6))
                sent = dict.fromkeys(sockets, 0)
                chooser = selectors.DefaultSelector()
                for connection in sockets:
                    connection.setblocking(False)
                    chooser.register(connection, selectors.EVENT_WRITE)
                end = time.monotonic() + 30
                while chooser.get_map() and time.monotonic() < end:
                    ready = chooser.select(1.5)
                    if not ready:
                        break  # everything between here and the reader is full
                    for key, _ in ready:
                        connection = key.fileobj
                        sent[connection] += connection.send(data[sent[connection]:sent[connection] + MIB])
                        if sent[connection] == offered:
                            chooser.unregister(connection)
                chooser.close()
                after = [pair.client.resident_kib(), pair.server.resident_kib()]
                self.assertLess(sum(sent.values()), connections * offered, "the flood was never stopped")
                for name, grown in zip(("client", "server"), (b - a for a, b in zip(before, after))):
                    self.assertLess(grown, 60 * 1024, f"the {name} grew by {grown} KiB")
                release.set()
                for connection in sockets:
                    connection.setblocking(True)
                    connection.settimeout(30)
                    connection.shutdown(socket.SHUT_WR)
                    self.assertTrue(hears_end(connection, 30))
                wanted = sorted(sha256(data[:amount]) for amount in sent.values())
                self.assertEqual(sorted(got), wanted, "what was taken was delivered")
                for connection in sockets:
                    connection.close()


class Crowds(RelayStory):
    def test_five_hundred_connections_at_once(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)) if hard != -1 else 8192, hard))
        for transport in TRANSPORTS:
            with self.subTest(transport=transport):
                pair = self.pair(transport, echo)
                pair.connect().close()
                before = [open_descriptors(pair.client), open_descriptors(pair.server)]
                opened, failures = [], []

                def open_some(first):
                    try:
                        for number in range(first, first + 50):
                            opened.append((number, pair.connect()))
                    except (AssertionError, OSError) as failure:
                        failures.append(failure)

                threads = [threading.Thread(target=open_some, args=(first,)) for first in range(0, 500, 50)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(failures, [])
                self.assertEqual(len(opened), 500)
                for number, connection in opened:
                    connection.settimeout(30)
                    connection.sendall(noise(2000, number))
                for number, connection in opened:
                    self.assertEqual(read_exactly(connection, 2000), noise(2000, number))
                    connection.close()
                self.assertEqual(pair.app.accepted, 501)
                for child, amount in zip((pair.client, pair.server), before):
                    wait_until(lambda: open_descriptors(child) <= amount, 10, "all descriptors to be closed")

    def test_running_out_of_descriptors_is_survived(self):
        app = Acceptor(self, echo)
        server = start_server(self, app.address, "dummy", program="/bin/sh",
                              flags=["-c", f"ulimit -n 60; exec {pt.PTPROXY}"])
        address = server.method("dummy").address
        crowd = [dial(address) for _ in range(100)]
        for connection in crowd:
            self.addCleanup(connection.close)
        time.sleep(0.3)
        before = processor_seconds(server)
        time.sleep(1)
        self.assertLess(processor_seconds(server) - before, 0.5, "it does not spin while it waits for descriptors")
        for connection in crowd:
            connection.close()

        def works():
            try:
                with dial(address, 2) as connection:
                    connection.sendall(b"again")
                    return read_exactly(connection, 5) == b"again"
            except (OSError, AssertionError):
                return False

        wait_until(works, 10, "service after the crowd has gone")


class TransparentTcp(RelayStory):
    def client(self, transport, *flags):
        child = pt.start(self,
                         flags=["-version", "2", "-state", pt.temp_dir(self), "-exit-on-stdin-close", "-transports",
                                transport,
                                      "-mode", "transparent-TCP", *flags])
        method = child.method(transport)
        self.assertEqual(method.protocol, "transparent-TCP")
        return child, method.address

    def assert_echo(self, address):
        with dial(address, 20) as connection:
            data = noise(200000, 7)
            self.assertEqual(exchange(connection, data, len(data)), sha256(data))

    def test_a_plain_connection_comes_out_at_the_server_app(self):
        app = Acceptor(self, echo)
        server = start_server(self, app.address, "dummy")
        child, address = self.client("dummy", "-target", "%s:%d" % server.method("dummy").address)
        self.assert_echo(address)
        self.stop(child)

    def test_options_stand_in_for_socks_arguments(self):
        app = Acceptor(self, echo)
        server = start_server(self, app.address, "obfs4")
        bridge = server.method("obfs4")
        target = "%s:%d" % bridge.address
        plain = socks.pack_arguments(bridge.arguments)
        from_file = pt.temp_dir(self) / "options"
        from_file.write_text(json.dumps({"obfs4": bridge.arguments}))
        for flags in (["-options", plain], ["-options", json.dumps(bridge.arguments)], ["-optionsFile", from_file],
                      ["-options", ";".join("obfs4:" + pair for pair in plain.split(";"))]):
            with self.subTest(flags=flags):
                child, address = self.client("obfs4", "-target", target, *flags, "-proxylistenaddr", "127.0.0.1:0")
                self.assert_echo(address)
                self.stop(child)

    def test_the_shorthand_means_the_same(self):
        app = Acceptor(self, echo)
        server = start_server(self, app.address, "dummy")
        child = pt.start(self, flags=["-transports", "dummy", "-transparent", "-state", pt.temp_dir(self),
                                      "-target", "%s:%d" % server.method("dummy").address])
        self.assertEqual(child.method("dummy").protocol, "transparent-TCP")
        self.assert_echo(child.method("dummy").address)

    def test_without_a_target_there_is_no_method(self):
        child = start_client(self, "dummy", flags=["-mode", "transparent-TCP"])
        self.assertEqual(child.methods(), {})
        child.expect(r"^CMETHOD-ERROR dummy \S", "stderr", 3)
        self.stop(child)


if __name__ == "__main__":
    pt.main()
