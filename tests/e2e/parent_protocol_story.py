"""The parent's protocol: what ptproxy says, in which order, on which stream, with which exit code."""
import os
import re
import socket
import subprocess
import time

from support import pt
from support.peers import LOOPBACK, Acceptor, closed_port, dial, echo, read_exactly
from support.pt import Story, client_settings, start_client, start_server, temp_dir

ADDRESS = r"127\.0\.0\.1:[1-9]\d*"
CERT = r"cert=[A-Za-z0-9+/]{70},iat-mode=0"
BOTH_VERSIONS = ("1", "2")


def busy_port(owner):
    taken = socket.create_server((LOOPBACK, 0))
    pt.on_exit(owner, taken.close)
    return "%s:%d" % taken.getsockname()


class MessageOrder(Story):
    def test_a_client_says_version_methods_done(self):
        for version in BOTH_VERSIONS:
            with self.subTest(version=version):
                child = start_client(self, "dummy,obfs4", version=version)
                child.methods()
                said = child.configuration()
                self.assertEqual(said[0], f"VERSION {version}")
                self.assertEqual(said[-1], "CMETHODS DONE")
                self.assertEqual(len(said), 4, child.transcript())
                for name in ("dummy", "obfs4"):
                    self.assertRegex("\n".join(said), rf"(?m)^CMETHOD {name} socks5 {ADDRESS}$")
                self.stop(child)
                self.assert_clean_stdout(child)
                self.assertEqual(child.configuration(), said, "nothing but LOG and STATUS after DONE")

    def test_a_server_says_version_methods_done(self):
        for version in BOTH_VERSIONS:
            with self.subTest(version=version):
                child = start_server(self, closed_port(), "dummy,obfs4", version=version)
                child.methods()
                said = child.configuration()
                self.assertEqual(said[0], f"VERSION {version}")
                self.assertEqual(said[-1], "SMETHODS DONE")
                self.assertEqual(len(said), 4, child.transcript())
                self.assertRegex("\n".join(said), rf"(?m)^SMETHOD dummy {ADDRESS}$")
                self.assertRegex("\n".join(said), rf"(?m)^SMETHOD obfs4 {ADDRESS} ARGS:{CERT}$")
                self.stop(child)
                self.assert_clean_stdout(child)

    def test_an_announced_listener_accepts_at_once(self):
        for _ in range(5):
            child = start_client(self, "dummy")
            address = pt.parse_address(child.expect(r"^CMETHOD dummy socks5 (\S+)$")[1])
            dial(address).close()
            child.end()

    def test_version_2_is_preferred_and_the_offered_spelling_is_echoed(self):
        for offered, chosen in (("1,2", "2"), ("2,1", "2"), ("1", "1"), ("2.1", "2.1"), ("2.0", "2.0"), ("1.0", "1.0"),
                                ("bogus,1", "1"), ("9,2,7", "2"), ("x y,\x01,1", "1"), ("2, 1", "2"), ("1.0,9", "1.0")):
            with self.subTest(offered=offered):
                child = start_client(self, "dummy", version=offered)
                child.methods()
                self.assertEqual(child.configuration()[0], f"VERSION {chosen}", child.transcript())
                child.end()

    def test_no_version_in_common_is_told_on_stderr_and_ends_with_78(self):
        for offered in ("9", "foo", " 1", "1.7", "a,b,c", ",", "11", "22"):
            with self.subTest(offered=offered):
                child = start_client(self, "dummy", version=offered)
                self.assertEqual(child.wait_exit(), 78, child.transcript())
                self.assertEqual(child.stdout, [])
                self.assertEqual([line for line in child.stderr if "ERROR" in line], ["VERSION-ERROR no-version"])

    def test_every_line_is_one_write(self):
        # A pipe in packet mode gives one write per read.
        reading, writing = os.pipe2(os.O_DIRECT)
        environment = pt.bare_environment()
        for key, value in client_settings(temp_dir(self), "dummy,obfs4", version="1",
                                          PROXY="socks5://127.0.0.1:1").items():
            environment["TOR_PT_" + key] = str(value)
        process = subprocess.Popen([pt.PTPROXY], env=environment, stdin=subprocess.PIPE, stdout=writing,
                                   stderr=subprocess.DEVNULL, cwd=temp_dir(self))
        os.close(writing)
        writes, end = [], time.monotonic() + 15
        try:
            while b"CMETHODS DONE\n" not in writes and time.monotonic() < end:
                piece = os.read(reading, 65536)
                if not piece:
                    break
                writes.append(piece)
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            os.close(reading)
        self.assertIn(b"CMETHODS DONE\n", writes)
        for piece in writes:
            self.assertEqual(piece.count(b"\n"), 1, writes)
            self.assertTrue(piece.endswith(b"\n"), writes)


class LogAndStatus(Story):
    def test_version_1_logs_to_stdout_as_tor_parses_it(self):
        # An unknown transport and a bad option are things that a log must mention.
        child = start_server(self, closed_port(), "dummy,nosuch", version="1")
        child.methods()
        self.stop(child)
        text = r'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\[0-7]{3})*"'
        logs = [line for line in child.stdout if line.startswith("LOG ")]
        for line in logs:
            self.assertRegex(line, rf"^LOG SEVERITY=(error|warning|notice|info|debug) MESSAGE={text}$")
        self.assertTrue(any("nosuch" in line for line in logs), child.transcript())
        self.assertTrue(any("dummy" in line for line in logs), "dummy hides nothing, and that is worth a warning")
        status = [line for line in child.stdout if line.startswith("STATUS ")]
        self.assertEqual(len(status), 1, child.transcript())
        self.assertRegex(status[0], r'^STATUS TYPE=version IMPLEMENTATION=ptproxy VERSION="[\w.+-]+"$')
        self.assertEqual(child.stdout[0], "VERSION 1")

    def test_version_2_keeps_the_log_off_stdout(self):
        child = start_server(self, closed_port(), "dummy,nosuch", version="2")
        child.methods()
        self.stop(child)
        self.assertEqual(child.stdout, child.configuration())
        self.assertTrue(any("nosuch" in line for line in child.stderr), child.transcript())


class Methods(Story):
    def test_unknown_transports_are_ignored(self):
        for version in BOTH_VERSIONS:
            for role, begin in (("C", start_client),
                                ("S", lambda *a, **k: start_server(a[0], closed_port(), *a[1:], **k))):
                with self.subTest(version=version, role=role):
                    child = begin(self, "nosuch,dummy,also_unknown", version=version)
                    self.assertEqual(list(child.methods()), ["dummy"])
                    self.assertFalse([line for line in child.stdout + child.stderr if "METHOD-ERROR" in line],
                                     child.transcript())
                    child.end()
                    alone = begin(self, "nosuch", version=version)
                    self.assertEqual(alone.methods(), {})
                    self.assertEqual(alone.configuration(), [f"VERSION {version}", f"{role}METHODS DONE"])
                    alone.assert_stays(0.5)
                    self.stop(alone)

    def test_a_repeated_name_counts_once(self):
        child = start_client(self, "dummy,dummy,,9bad,dummy")
        child.methods()
        self.assertEqual(len(child.configuration()), 3, child.transcript())

    def test_a_busy_port_is_an_error_of_one_transport_only(self):
        for version, stream in (("1", "stdout"), ("2", "stderr")):
            with self.subTest(version=version):
                child = start_server(self, closed_port(), "dummy,obfs4", version=version,
                                     SERVER_BINDADDR=f"dummy-{busy_port(self)},obfs4-127.0.0.1:0")
                self.assertEqual(list(child.methods()), ["obfs4"])
                child.expect(r"^SMETHOD-ERROR dummy \S.*$", stream, 3)
                other = child.stderr if stream == "stdout" else child.stdout
                self.assertFalse([line for line in other if "METHOD-ERROR" in line], child.transcript())
                child.assert_stays(0.3)
                self.stop(child)
                self.assert_clean_stdout(child)

    def test_bad_options_are_an_error_of_one_transport_only(self):
        for version, stream in (("1", "stdout"), ("2", "stderr")):
            with self.subTest(version=version):
                child = start_server(self, closed_port(), "obfs4,dummy", version=version,
                                     SERVER_TRANSPORT_OPTIONS="obfs4:iat-mode=3")
                self.assertEqual(list(child.methods()), ["dummy"])
                child.expect(r"^SMETHOD-ERROR obfs4 \S.*$", stream, 3)
                self.stop(child)

    def test_one_client_address_serves_one_transport(self):
        address = "%s:%d" % closed_port()
        for version, stream in (("1", "stdout"), ("2", "stderr")):
            with self.subTest(version=version):
                child = start_client(self, "dummy,obfs4", version=version, flags=["-proxylistenaddr", address])
                self.assertEqual(child.methods()["dummy"].address, pt.parse_address(address))
                self.assertEqual(list(child.methods()), ["dummy"])
                child.expect(r"^CMETHOD-ERROR obfs4 \S.*$", stream, 3)
                self.stop(child)

    def test_a_mode_without_socks_is_announced_under_version_2_alone(self):
        target = "%s:%d" % closed_port()
        flags = ["-mode", "transparent-TCP", "-target", target]
        child = start_client(self, "dummy", flags=flags)
        self.assertEqual(child.method("dummy").protocol, "transparent-TCP")
        self.stop(child)
        child = start_client(self, "dummy", version="1", flags=flags)
        self.assertEqual(child.methods(), {})
        child.expect(r"^CMETHOD-ERROR dummy \S.*$", "stdout", 3)
        self.stop(child)

    def test_socks4_is_announced_when_asked_for(self):
        child = start_client(self, "dummy", flags=["-mode", "socks4"])
        self.assertEqual(child.method("dummy").protocol, "socks4")

    def test_a_server_without_bindaddr_listens_on_a_free_port(self):
        child = start_server(self, closed_port(), "dummy", SERVER_BINDADDR=None)
        host, port = child.method("dummy").address
        self.assertIn(host, ("0.0.0.0", "::"))
        dial((LOOPBACK, port)).close()

    def test_a_server_listens_where_it_was_told(self):
        wanted = "%s:%d" % closed_port()
        child = start_server(self, closed_port(), "dummy", SERVER_BINDADDR=f"other-127.0.0.1:1,dummy-{wanted}")
        self.assertEqual(child.method("dummy").address, pt.parse_address(wanted))

    def test_ipv6_addresses_are_bracketed(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 loopback on this machine")
        child = start_server(self, closed_port(), "dummy", SERVER_BINDADDR="dummy-[::1]:0")
        child.expect(r"^SMETHOD dummy \[::1\]:\d+$")
        dial(child.method("dummy").address).close()


class UpstreamProxySetting(Story):
    def test_proxy_done_comes_before_any_method(self):
        for version in BOTH_VERSIONS:
            with self.subTest(version=version):
                child = start_client(self, "dummy", version=version, PROXY="socks5://127.0.0.1:9")
                child.methods()
                said = child.configuration()
                self.assertEqual(said[:2], [f"VERSION {version}", "PROXY DONE"])
                self.assertTrue(said[2].startswith("CMETHOD dummy"), child.transcript())

    def test_a_bad_proxy_ends_with_69_before_anything_is_announced(self):
        for version, stream in (("1", "stdout"), ("2", "stderr")):
            with self.subTest(version=version):
                child = start_client(self, "dummy", version=version, PROXY="gopher://127.0.0.1:9")
                self.assertEqual(child.wait_exit(), 69, child.transcript())
                errors = [line for line in child.lines(stream) if re.match(r"PROXY-ERROR \S", line)]
                self.assertEqual(len(errors), 1, child.transcript())
                wanted = [f"VERSION {version}"] + (errors if stream == "stdout" else [])
                self.assertEqual(child.configuration(), wanted)


class Streams(Story):
    def test_it_outlives_a_parent_that_stops_reading(self):
        app = Acceptor(self, echo)
        for version in BOTH_VERSIONS:
            child = start_server(self, app.address, "dummy", version=version)
            address = child.method("dummy").address
            child.close_reading("stdout")
            child.close_reading("stderr")
            for _ in range(3):
                with dial(address) as connection:
                    connection.sendall(b"still here")
                    self.assertEqual(read_exactly(connection, 10), b"still here")
            self.assertTrue(child.is_running())

    def test_what_comes_on_stdin_is_no_command(self):
        child = start_client(self, "dummy", version="1")
        child.methods()
        child.stdin.write(b"VERSION 2\nCMETHOD x\n" + b"\0\xff" * 5000 + b"x" * 30000 + b"\n")
        child.assert_stays(0.3)
        self.stop(child)
        self.assert_clean_stdout(child)


if __name__ == "__main__":
    pt.main()
