"""What is scarce: threads, descriptors, a reader of the log. Who needs it is refused or waits; nobody else notices."""
import fcntl
import os
import resource
import socket
import time

from support import pt, socks, users
from support.peers import Acceptor, closed_port, echo, read_exactly
from support.pt import Story, start_client, start_server

NOBODY_ELSE = 54321  # a user without a process: the limit counts all that a user has


class Prefix:
    """Puts words before the command."""

    def __init__(self, *words):
        self._words = [str(word) for word in words]

    def command(self, command):
        return [*self._words, *command]


class Threads(Story):
    def test_handshakes_that_want_threads_do_without(self):
        program, directory = users.program_for_all(self)
        app = Acceptor(self, echo)
        bridge = start_server(self, app.address, "obfs3").method("obfs3")
        for threads in (1, 2):
            with self.subTest(threads=threads):
                state = users.state_of(NOBODY_ELSE, NOBODY_ELSE, directory, f"state{threads}")
                limited = Prefix("prlimit", f"--nproc={threads}", *users.as_user(NOBODY_ELSE, NOBODY_ELSE, []))
                client = pt.start(self, pt.client_settings(state, "obfs3"), program=program, room=limited, cwd="/")
                for _ in range(3):
                    with socks.connect(client.method("obfs3").address, bridge.address) as connection:
                        connection.sendall(b"there and back")
                        self.assertEqual(read_exactly(connection, 14), b"there and back")
                self.stop(client)


class Log(Story):
    def test_one_that_nobody_reads_stops_nothing_and_tells_later_what_is_missing(self):
        fifo = pt.temp_dir(self) / "log"
        os.mkfifo(fifo)
        log = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, log)
        fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, 8192)
        client = start_client(self, "dummy", room=Prefix("sh", "-c", 'exec "$@" 2>"$0"', fifo))
        door = client.method("dummy").address

        def fail():
            with self.assertRaises(socks.Refused):
                socks.connect(door, closed_port()).close()

        for _ in range(150):
            fail()
        lines = [line for line in os.read(log, 1 << 16).decode().splitlines() if "no connection" in line]
        self.assertGreater(len(lines), 10)
        self.assertLess(len(lines), 150)
        fail()
        told = os.read(log, 1 << 16).decode().splitlines()
        self.assertEqual(told[0], f"{150 - len(lines)} lines of the log were lost, as nobody read them")
        self.assertRegex(told[1], r"dummy: no connection to \[scrubbed\]")
        self.stop(client)


class Descriptors(Story):
    def test_udp_flows_to_a_name_fail_and_later_ones_are_served(self):
        app = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(app.close)
        app.bind(("127.0.0.1", 0))
        app.settimeout(0.5)
        bridge = start_server(self, app.getsockname(), "dummy", flags=["-mode", "transparent-UDP"]).method("dummy")
        client = start_client(self, "dummy", flags=["-mode", "transparent-UDP", "-target", f"localhost:{bridge.address[1]}"])
        door = client.method("dummy").address
        _, hard = resource.prlimit(client.pid, resource.RLIMIT_NOFILE)
        for most in (14, 16, 19, 32):
            resource.prlimit(client.pid, resource.RLIMIT_NOFILE, (most, hard))
            senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
            for _ in range(4):
                for sender in senders:
                    sender.sendto(b"too many", door)
                time.sleep(0.05)
            for sender in senders:
                sender.close()
        resource.prlimit(client.pid, resource.RLIMIT_NOFILE, (hard, hard))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
            def comes_through():
                later.sendto(b"later", door)
                try:
                    while app.recv(100) != b"later":
                        pass
                    return True
                except TimeoutError:
                    return False
            pt.wait_until(comes_through, 15, "a datagram that comes through")
        self.assertNotIn("internal fault", client.transcript())
        self.stop(client)


if __name__ == "__main__":
    pt.main()
