"""Endings: stdin closed, signals, a dead parent; and what live connections still get."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from support import pt, socks
from support.peers import Acceptor, closed_port, dial, echo, hears_end, noise, read_exactly, read_to_end, sha256
from support.pt import (Story, client_settings, is_running, start, start_client, start_server, temp_dir,
                        wait_until)

MIB = 1 << 20

# Starts the rest of its command line as a parent would, tells its pid, and sleeps until it is killed.
PARENT = r"""
import os, subprocess, sys, time
os.write(1, b"%d\n" % subprocess.Popen(sys.argv[1:]).pid)
time.sleep(120)
"""


def assert_no_listener(case, address):
    with case.assertRaises(OSError):
        dial(address, 2).close()


class SharedStdin(Story):
    def test_a_terminal_is_left_as_it_was(self):
        # Its stdin is often its stdout too, and the shell's: were it made not to block, lines would be lost.
        ours, its = os.openpty()
        child = start(self, client_settings(temp_dir(self), "dummy"), stdin=its)
        child.methods()
        self.assertTrue(os.get_blocking(its))
        os.close(its)
        os.close(ours)
        self.assertEqual(child.wait_exit(5), 0, "the terminal's end is an end of stdin")


class StdinClosed(Story):
    def test_ends_with_0_where_it_was_asked_to(self):
        for begin in (lambda: start_client(self, "dummy,obfs4"),
                      lambda: start_server(self, closed_port(), "dummy,obfs4")):
            for version in ("1", "2"):
                child = begin()
                child.methods()
                began = time.monotonic()
                self.stop(child)
                self.assertLess(time.monotonic() - began, 1.5, "with nothing open there is nothing to wait for")

    def test_stays_where_it_was_not(self):
        app = Acceptor(self, echo)
        children = []
        for value in (None, "", "0", "true", "11", " 1"):
            child = start_server(self, app.address, "dummy", EXIT_ON_STDIN_CLOSE=value)
            child.methods()
            child.close_stdin()
            children.append(child)
        time.sleep(1.5)
        for child in children:
            self.assertTrue(child.is_running(), child.transcript())
            with dial(child.method("dummy").address) as connection:
                connection.sendall(b"alive")
                self.assertEqual(read_exactly(connection, 5), b"alive")

    def test_stdin_may_be_no_pipe(self):
        settings = pt.client_settings(pt.temp_dir(self), "dummy")
        child = pt.start(self, settings, stdin=subprocess.DEVNULL)
        self.assertEqual(child.wait_exit(5), 0, child.transcript())
        child = pt.start(self, settings | {"EXIT_ON_STDIN_CLOSE": "0"}, stdin=subprocess.DEVNULL)
        child.methods()
        child.assert_stays(0.7)
        child.end()
        with open(__file__, "rb") as file:
            child = pt.start(self, settings, stdin=file)
            self.assertEqual(child.wait_exit(5), 0, child.transcript())

    def test_a_server_restarted_on_its_port_can_bind_it(self):
        app = Acceptor(self, echo)
        child = start_server(self, app.address, "dummy")
        address = child.method("dummy").address
        with dial(address) as connection:
            connection.sendall(b"x")
            read_exactly(connection, 1)
            child.close_stdin()
            child.wait_exit(5)
        child = start_server(self, app.address, "dummy", SERVER_BINDADDR="dummy-%s:%d" % address)
        self.assertEqual(child.method("dummy").address, address)


class Signals(Story):
    def test_sigterm_and_sigint_end_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for begin in (lambda: start_client(self, "dummy,obfs4"),
                          lambda: start_server(self, closed_port(), "dummy,obfs4")):
                child = begin()
                child.methods()
                child.signal(number)
                self.assertEqual(child.wait_exit(4), 0, child.transcript())
                self.assert_clean_stdout(child)

    def test_sighup_ends_nothing(self):
        app = Acceptor(self, echo)
        child = start_server(self, app.address, "dummy")
        with dial(child.method("dummy").address) as connection:
            for _ in range(3):
                child.signal(signal.SIGHUP)
                time.sleep(0.1)
                connection.sendall(b"alive")
                self.assertEqual(read_exactly(connection, 5), b"alive")
        self.assertTrue(child.is_running())
        self.stop(child)

    def stuffed(self, *flags):
        """A server, its address, and a connection full of bytes that nobody has read yet."""
        app = Acceptor(self, lambda connection: connection.sendall(noise(64 * MIB, 13)))
        child = start_server(self, app.address, "dummy", flags=flags)
        address = child.method("dummy").address
        connection = dial(address)
        self.addCleanup(connection.close)
        read_exactly(connection, 1000)
        time.sleep(0.3)
        return child, address, connection

    def test_a_second_signal_ends_it_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
                              (signal.SIGTERM, signal.SIGINT)):
            child, _, _ = self.stuffed("-drain-timeout", "60")
            child.signal(first)
            child.assert_stays(0.8)
            child.signal(second)
            child.wait_exit(1.5)

    def test_an_open_connection_is_waited_for_no_longer_than_the_drain_time(self):
        app = Acceptor(self, echo)
        for flags, least, most in (([], 0, 4), (["-drain-timeout", "1"], 0, 2.5), (["-drain-timeout=0"], 0, 1)):
            for way in (signal.SIGTERM, signal.SIGINT, None):
                child = start_server(self, app.address, "dummy", flags=flags)
                address = child.method("dummy").address
                with dial(address) as connection:
                    connection.sendall(b"busy")
                    read_exactly(connection, 4)
                    began = time.monotonic()
                    child.close_stdin() if way is None else child.signal(way)
                    self.assertEqual(child.wait_exit(most + 3), 0, child.transcript())
                    self.assertTrue(least <= time.monotonic() - began <= most, (flags, way, time.monotonic() - began))
                    self.assertTrue(hears_end(connection, 2))

    def test_listeners_close_first(self):
        child, address, connection = self.stuffed("-drain-timeout", "30")
        child.signal(signal.SIGTERM)
        time.sleep(0.5)
        assert_no_listener(self, address)
        self.assertTrue(child.is_running())
        connection.close()
        child.wait_exit(3)


class LiveTransfers(Story):
    def test_what_is_buffered_is_delivered(self):
        # The application has sent and closed; most of it waits between it and a client that has not read yet.
        answer = noise(3 * MIB, 11)
        for transport in ("dummy", "obfs4"):
            for way in ("stdin", "signal"):
                with self.subTest(transport=transport, way=way):
                    app = Acceptor(self, lambda connection: connection.sendall(answer))
                    server = start_server(self, app.address, transport)
                    bridge = server.method(transport)
                    client = start_client(self, transport)
                    connection = socks.connect(client.method(transport).address, bridge.address,
                                               bridge.arguments or None)
                    with connection:
                        connection.settimeout(15)
                        head = read_exactly(connection, 1000)
                        time.sleep(0.3)
                        for child in (server, client):
                            child.close_stdin() if way == "stdin" else child.signal(signal.SIGTERM)
                        time.sleep(0.2)
                        self.assertEqual(sha256(head + read_to_end(connection)), sha256(answer))
                    self.assertEqual(server.wait_exit(4), 0)
                    self.assertEqual(client.wait_exit(4), 0)

    def test_an_upload_in_flight_is_delivered(self):
        question, got, over = noise(2 * MIB, 12), [], threading.Event()

        def take_slowly(connection):
            time.sleep(0.7)
            got.append(read_to_end(connection))
            over.set()

        app = Acceptor(self, take_slowly)
        server = start_server(self, app.address, "dummy")
        client = start_client(self, "dummy")
        connection = socks.connect(client.method("dummy").address, server.method("dummy").address)
        with connection:
            connection.settimeout(10)
            sender = threading.Thread(target=lambda: (connection.sendall(question),
                                                      connection.shutdown(socket.SHUT_WR)))
            sender.start()
            time.sleep(0.3)
            for child in (client, server):
                child.signal(signal.SIGTERM)
            self.assertTrue(over.wait(10))
            sender.join()
        self.assertEqual(sha256(got[0]), sha256(question))
        for child in (client, server):
            self.assertEqual(child.wait_exit(5), 0)


class ParentKilled(Story):
    def orphan(self, settings, flags=()):
        """A ptproxy whose parent will be killed, as (parent, pid). Its stdin stays open, as we hold it."""
        environment = pt.bare_environment() | {"TOR_PT_" + key: str(value) for key, value in settings.items()}
        parent = pt.Child([sys.executable, "-c", PARENT, pt.PTPROXY, *flags], environment, cwd=pt.temp_dir(self))
        pid = int(parent.expect(r"^\d+$")[0])
        pt.on_exit(self, self.end, parent, pid)
        parent.expect(r"METHODS DONE")
        return parent, pid

    @staticmethod
    def end(parent, pid):
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
        parent.end()

    def test_a_child_outlives_its_parent_by_no_more_than_a_moment(self):
        # Several times, as the parent dies right behind the last line that it reads: the watch must stand by then.
        for on_close in ("1", "0"):
            for settings in (pt.client_settings(pt.temp_dir(self), "dummy"),
                             pt.server_settings(pt.temp_dir(self), closed_port(), "dummy")):
                for _ in range(6):
                    parent, pid = self.orphan(settings | {"EXIT_ON_STDIN_CLOSE": on_close})
                    os.kill(parent.pid, signal.SIGKILL)
                    wait_until(lambda: not is_running(pid), 2.5, "the end of an orphan")

    def test_a_person_s_ptproxy_is_nobody_s_child(self):
        parent, pid = self.orphan({}, ["-transports", "dummy", "-state", str(pt.temp_dir(self))])
        os.kill(parent.pid, signal.SIGKILL)
        time.sleep(2.5)
        self.assertTrue(is_running(pid), "started with flags alone, it is not tied to the shell that started it")


if __name__ == "__main__":
    pt.main()
