"""The other programs of a story: applications, recorders on the wire, and bulk transfers with digests."""
import hashlib
import random
import socket
import threading
import time

from support.pt import on_exit

LOOPBACK = "127.0.0.1"


class Acceptor:
    """Listens on a free loopback port and runs `talk(socket)` for each connection in a thread of its own."""

    def __init__(self, owner, talk, host=LOOPBACK, backlog=1024):
        self._talk = talk
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.bind((host, 0))
        self._listener.listen(backlog)
        self.address = self._listener.getsockname()[:2]
        self.accepted = 0
        self._open = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        on_exit(owner, self.close)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.accepted += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._talk(connection)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def close(self):
        shut(self._listener)
        self._thread.join(5)
        with self._lock:
            leftover = list(self._open)
        for connection in leftover:
            shut(connection)


def shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def echo(connection):
    while piece := connection.recv(65536):
        connection.sendall(piece)


def closed_port():
    """An address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()


def dial(address, timeout=10):
    connection = socket.create_connection(address, timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_exactly(connection, amount):
    got = bytearray()
    while len(got) < amount:
        piece = connection.recv(min(65536, amount - len(got)))
        if not piece:
            raise AssertionError(f"end of stream after {len(got)} of {amount} bytes")
        got += piece
    return bytes(got)


def read_to_end(connection):
    got = bytearray()
    while piece := connection.recv(65536):
        got += piece
    return bytes(got)


def hears_end(connection, timeout):
    """True when the peer ends the connection, in whatever way, without a byte before that."""
    connection.settimeout(timeout)
    try:
        return connection.recv(1) == b""
    except socket.timeout:
        return False
    except OSError:
        return True


def noise(amount, seed):
    """Reproducible bytes that do not repeat."""
    return random.Random(seed).randbytes(amount)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def exchange(connection, outgoing, expected):
    """Sends `outgoing` and reads `expected` bytes at the same time; the SHA-256 of what was read."""
    failures = []

    def send():
        try:
            connection.sendall(outgoing)
        except OSError as failure:
            failures.append(failure)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    digest, missing = hashlib.sha256(), expected
    while missing:
        piece = connection.recv(min(262144, missing))
        if not piece:
            raise AssertionError(f"end of stream, {missing} of {expected} bytes missing")
        digest.update(piece)
        missing -= len(piece)
    sender.join(60)
    if failures or sender.is_alive():
        raise AssertionError(f"sending failed: {failures or 'stuck'}")
    return digest.hexdigest()


class BulkApp(Acceptor):
    """A server application that sends `outgoing` on each connection and digests `expected` bytes."""

    def __init__(self, owner, outgoing, expected):
        self.outgoing, self.expected = outgoing, expected
        self.digests = []
        self._done = threading.Semaphore(0)
        super().__init__(owner, self._swap)

    def _swap(self, connection):
        connection.settimeout(60)
        try:
            self.digests.append(exchange(connection, self.outgoing, self.expected))
        except (AssertionError, OSError) as failure:
            self.digests.append(str(failure))
        self._done.release()
        try:
            connection.settimeout(60)
            connection.recv(1)  # stay until the client has everything and goes
        except OSError:
            pass

    def digest(self, timeout=60):
        """The digest of the next connection that finishes."""
        if not self._done.acquire(timeout=timeout):
            raise AssertionError("the application did not receive everything")
        return self.digests.pop(0)


class Wire(Acceptor):
    """A TCP relay that keeps what passed, and may alter it: `alter(direction, offset, bytes) -> bytes`.

    `slice_size` cuts what it forwards into pieces with a short rest between them.
    """

    def __init__(self, owner, target, alter=None, slice_size=0):
        self._target, self._alter, self._slice = target, alter, slice_size
        self.up, self.down = bytearray(), bytearray()
        self.first_up = []
        super().__init__(owner, self._join)

    def _join(self, client):
        server = dial(self._target)
        back = threading.Thread(target=self._pump, args=(server, client, "down"), daemon=True)
        back.start()
        self._pump(client, server, "up")
        back.join()
        server.close()

    def _pump(self, source, sink, direction):
        record, offset = getattr(self, direction), 0
        try:
            while piece := source.recv(65536):
                if direction == "up" and offset == 0:
                    self.first_up.append(piece)
                record += piece
                passed = self._alter(direction, offset, piece) if self._alter else piece
                offset += len(piece)
                if not self._slice:
                    sink.sendall(passed)
                    continue
                for start in range(0, len(passed), self._slice):
                    sink.sendall(passed[start:start + self._slice])
                    time.sleep(0.0005)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
