"""Starts a pluggable transport as its parent would, and reads what it says; every wait has a deadline."""
import atexit
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

PTPROXY = os.path.abspath(shutil.which(os.environ.get("PTPROXY", "ptproxy")) or "ptproxy")
OBFS4PROXY = shutil.which("obfs4proxy") or "/usr/bin/obfs4proxy"

Method = collections.namedtuple("Method", "protocol address arguments")

_alive = set()


def _end_leftovers():
    for child in list(_alive):
        child.end()


atexit.register(_end_leftovers)


def on_exit(owner, action, *arguments):
    """Runs the action after the test, or after the whole class when the owner is a class."""
    add = owner.addClassCleanup if isinstance(owner, type) else owner.addCleanup
    add(action, *arguments)


def temp_dir(owner):
    path = tempfile.mkdtemp(prefix="ptproxy-e2e-")
    on_exit(owner, shutil.rmtree, path, True)
    return pathlib.Path(path)


def bare_environment():
    """The inherited environment without anything that a parent would say to a transport."""
    return {key: value for key, value in os.environ.items() if not key.startswith("TOR_PT_")}


def process_state(pid):
    """The letter of /proc/PID/stat, or None when there is no such process any more."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_running(pid):
    return process_state(pid) not in (None, "Z", "X")


def wait_until(condition, timeout, what="a condition"):
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(0.02)


class Child:
    """A started program whose stdout and stderr are gathered line by line."""

    def __init__(self, command, environment=None, stdin=subprocess.PIPE, cwd=None):
        self.command = [str(word) for word in command]
        self.born = time.monotonic()
        self._news = threading.Condition()
        self._lines = {"stdout": [], "stderr": []}
        self._process = subprocess.Popen(self.command, env=environment, cwd=cwd, stdin=stdin,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        _alive.add(self)
        self._readers = []
        for name in ("stdout", "stderr"):
            reader = threading.Thread(target=self._gather, args=(name, getattr(self._process, name)), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _gather(self, name, pipe):
        left = b""
        while True:
            try:
                piece = os.read(pipe.fileno(), 65536)
            except (OSError, ValueError):
                piece = b""
            *whole, left = (left + piece).split(b"\n")
            with self._news:
                self._lines[name] += [line.decode("latin-1") for line in whole]
                if not piece and left:
                    self._lines[name].append(left.decode("latin-1") + "<no newline>")
                self._news.notify_all()
            if not piece:
                return

    @property
    def pid(self):
        return self._process.pid

    @property
    def stdin(self):
        return self._process.stdin

    def lines(self, stream="stdout"):
        with self._news:
            return list(self._lines[stream])

    @property
    def stdout(self):
        return self.lines("stdout")

    @property
    def stderr(self):
        return self.lines("stderr")

    def transcript(self):
        return "\n".join([f"$ {' '.join(self.command)}", *(f"out: {line}" for line in self.stdout),
                          *(f"err: {line}" for line in self.stderr), f"exit code: {self._process.poll()}"])

    def expect(self, pattern, stream="stdout", timeout=15):
        """The match of the first line, said already or still to come, in which the pattern is found."""
        sought = re.compile(pattern)
        end = time.monotonic() + timeout
        with self._news:
            seen = 0
            while True:
                for line in self._lines[stream][seen:]:
                    match = sought.search(line)
                    if match:
                        return match
                seen = len(self._lines[stream])
                rest = end - time.monotonic()
                over = not any(reader.is_alive() for reader in self._readers)
                if rest <= 0 or over:
                    break
                self._news.wait(min(rest, 0.5))
        raise AssertionError(f"no line like {pattern!r} on {stream} within {timeout} s:\n{self.transcript()}")

    def wait_exit(self, timeout=10):
        """The exit code, once both streams have been read to their end."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.transcript()}") from None
        for reader in self._readers:
            reader.join(2)
        return code

    def is_running(self):
        return self._process.poll() is None

    def assert_stays(self, seconds):
        time.sleep(seconds)
        if not self.is_running():
            raise AssertionError(f"ended within {seconds} s:\n{self.transcript()}")

    def signal(self, number):
        self._process.send_signal(number)

    def close_stdin(self):
        self._process.stdin.close()

    def close_reading(self, name):
        """Closes our end of its stdout or stderr, as a parent that has lost interest does."""
        getattr(self._process, name).close()

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def children(self):
        found = []
        for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*/children"):
            found += [int(word) for word in task.read_text().split()]
        return found

    def end(self):
        """Kills what is left of it and reaps it. Harmless when it has ended already."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        for reader in self._readers:
            reader.join(2)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass
        _alive.discard(self)


def parse_address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Transport(Child):
    """A pluggable transport: a Child that announces methods."""

    @staticmethod
    def is_configuration(line):
        """Whether a line of stdout is more than LOG or STATUS."""
        return not re.match(r"(LOG|STATUS) ", line)

    def configuration(self):
        return [line for line in self.stdout if self.is_configuration(line)]

    def methods(self, timeout=15):
        """{name: Method} of everything that was announced, after the DONE line."""
        self.expect(r"^[CS]METHODS DONE$", timeout=timeout)
        found = {}
        for line in self.configuration():
            words = line.split(" ")
            if words[0] == "CMETHOD":
                found[words[1]] = Method(words[2], parse_address(words[3]), {})
            elif words[0] == "SMETHOD":
                arguments = {}
                for word in words[3:]:
                    if word.startswith("ARGS:") and word != "ARGS:":
                        arguments = dict(pair.split("=", 1) for pair in word[5:].split(","))
                found[words[1]] = Method("", parse_address(words[2]), arguments)
        return found

    def method(self, name, timeout=15):
        found = self.methods(timeout)
        if name not in found:
            raise AssertionError(f"{name} was not announced:\n{self.transcript()}")
        return found[name]


def start(owner, settings=None, flags=(), program=None, stdin=subprocess.PIPE, cwd=None, room=None):
    """Starts the program, perhaps in a namespace, with TOR_PT_ settings (named without that prefix) and flags."""
    environment = bare_environment()
    for name, value in (settings or {}).items():
        if value is not None:
            environment["TOR_PT_" + name] = str(value)
    command = [program or PTPROXY, *flags]
    child = Transport(room.command(command) if room else command, environment, stdin, cwd or temp_dir(owner))
    on_exit(owner, child.end)
    return child


def client_settings(state, transports="obfs4", version="2", **more):
    return {"MANAGED_TRANSPORT_VER": version, "STATE_LOCATION": state, "EXIT_ON_STDIN_CLOSE": "1",
            "CLIENT_TRANSPORTS": transports, **more}


def server_settings(state, target, transports="obfs4", version="2", **more):
    binds = ",".join(f"{name}-127.0.0.1:0" for name in transports.split(","))
    return {"MANAGED_TRANSPORT_VER": version, "STATE_LOCATION": state, "EXIT_ON_STDIN_CLOSE": "1",
            "SERVER_TRANSPORTS": transports, "SERVER_BINDADDR": binds,
            "ORPORT": target and f"{target[0]}:{target[1]}", **more}


def version_for(program):
    return "1" if program and os.path.basename(program) == "obfs4proxy" else "2"


def start_client(owner, transports="obfs4", program=None, flags=(), state=None, room=None, **more):
    more.setdefault("version", version_for(program))
    return start(owner, client_settings(state or temp_dir(owner), transports, **more), flags, program, room=room)


def start_server(owner, target, transports="obfs4", program=None, flags=(), state=None, room=None, **more):
    more.setdefault("version", version_for(program))
    return start(owner, server_settings(state or temp_dir(owner), target, transports, **more), flags, program, room=room)


class Story(unittest.TestCase):
    """A TestCase that says what it is about when it fails, and knows the grammar of protocol lines."""

    longMessage = True

    def assert_clean_stdout(self, child):
        """Every line is a keyword of the protocol, ASCII without control characters, and of bounded length."""
        keyword = re.compile(r"(VERSION|VERSION-ERROR|ENV-ERROR|PROXY|PROXY-ERROR|CMETHOD|CMETHOD-ERROR|CMETHODS|"
                             r"SMETHOD|SMETHOD-ERROR|SMETHODS|LOG|STATUS|CMESSAGE|SMESSAGE) [\x20-\x7e]*[\x21-\x7e]")
        for line in child.stdout:
            self.assertRegex(line, rf"\A{keyword.pattern}\Z", child.transcript())
            self.assertLess(len(line), 4096, child.transcript())

    def stop(self, child, timeout=6):
        """Ends it as a parent would, by closing stdin, and wants exit code 0."""
        child.close_stdin()
        self.assertEqual(child.wait_exit(timeout), 0, child.transcript())


def main():
    """Runs the story's cases; PTPROXY in the environment names the program under test."""
    for program in (PTPROXY, OBFS4PROXY):
        if not os.access(program, os.X_OK):
            exit(f"there is no program {program}")
    signal.signal(signal.SIGTERM, lambda *_: exit(1))  # lets atexit end the children
    unittest.main(verbosity=2)
