"""Messages of transports: lines on stdout and stdin, or files; what a parent may do wrong; and -genconfig."""
import json
import shlex
import subprocess
import time
import unittest

from support import pt, ssh
from support.peers import Acceptor, closed_port, dial, echo, read_exactly
from support.pt import Story, wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFZNiHehAXqtdBnhCxwVqlhcgIFjHTxxV85l+hZIwUke"
FINGERPRINT = "SHA256:c0fa+FxTyIDAcelylLo21XQXcMceE5gyeudKat0dFzQ"
ASK = json.dumps({"t": "client-key", "key": KEY, "fp": FINGERPRINT}, separators=(",", ":"))
ANSWER = ssh.line_of("SMESSAGE", "ssh", json.dumps({"t": "accepted", "fp": FINGERPRINT}, separators=(",", ":")))


@unittest.skipIf(ssh.why_not(), ssh.why_not())
class SignalsStory(Story):
    def setUp(self):
        self.program, self.directory = ssh.unprivileged(self)

    def server(self, flags=(), **more):
        """A server that lets in whoever asks, so that it answers each message."""
        settings = pt.server_settings(ssh.state_in(self.directory, "server"), closed_port(), "ssh",
                                      SERVER_TRANSPORT_OPTIONS="ssh:accept=auto", **more)
        child = ssh.start(self, self.program, settings, flags)
        child.expect("^SMETHODS DONE$")
        return child

    def client(self, flags=(), **more):
        child = ssh.start(self, self.program,
                          pt.client_settings(ssh.state_in(self.directory, "client"), "ssh", **more), flags)
        child.expect("^CMETHODS DONE$")
        return child

    def folder(self, role):
        return self.directory / role / "ssh"

    def write(self, path, text):
        path.write_text(text)
        path.chmod(0o644)


class Lines(SignalsStory):
    def test_a_message_goes_out_as_a_line_with_its_own_hash(self):
        client = self.client()
        line = client.expect("^CMESSAGE .*")[0]
        keyword, transport, _, payload = line.split(" ", 3)
        self.assertEqual(line, ssh.line_of(keyword, transport, payload))
        self.assertEqual(set(json.loads(payload)), {"t", "key", "fp"})
        self.assert_clean_stdout(client)

    def test_a_message_comes_in_and_is_answered(self):
        server = self.server()
        ssh.tell(server, ssh.line_of("CMESSAGE", "ssh", ASK))
        self.assertEqual(server.expect("^SMESSAGE .*")[0], ANSWER)
        self.assertIn(KEY, (self.folder("server") / "authorized_keys").read_text())

    def test_nothing_that_is_no_message_does_harm(self):
        server = self.server()
        good = ssh.line_of("CMESSAGE", "ssh", ASK)
        for noise in (b"", b"hello", b"CMESSAGE", b"CMESSAGE ssh", good[:-2].encode(), b"\xff\x00\x1b[2J", b"x" * 100000,
                      good.replace("client-key", "client-kez").encode(), good.replace(" ssh ", " none ").encode(),
                      ssh.line_of("SMESSAGE", "ssh", ASK).encode(), ssh.line_of("CMESSAGE", "ssh", "[]").encode(),
                      ssh.line_of("CMESSAGE", "ssh", '{"t":"unheard-of"}').encode(),
                      ssh.line_of("CMESSAGE", "obfs4", ASK).encode()):
            server.stdin.write(noise + b"\n")
        time.sleep(0.5)
        self.assertTrue(server.is_running())
        self.assertFalse([line for line in server.stdout if "MESSAGE" in line])
        self.assertFalse([line for line in server.stderr if "AAAAC3" in line or "kez" in line], "a payload is not logged")
        ssh.tell(server, "  " + good + " \r")
        ssh.tell(server, good)
        server.expect("^SMESSAGE ")
        time.sleep(0.3)
        self.assertEqual(len([line for line in server.stdout if line.startswith("SMESSAGE")]), 1, "a repetition is dropped")

    def test_a_message_may_come_in_single_bytes(self):
        server = self.server()
        for byte in (ssh.line_of("CMESSAGE", "ssh", ASK) + "\n").encode():
            server.stdin.write(bytes([byte]))
        server.expect("^SMESSAGE ")


class Stdin(SignalsStory):
    def test_its_end_ends_only_who_was_told_so(self):
        server = self.server(EXIT_ON_STDIN_CLOSE="0")
        ssh.tell(server, ssh.line_of("CMESSAGE", "ssh", ASK))
        server.close_stdin()
        server.expect("^SMESSAGE ")
        server.assert_stays(0.7)
        with dial(server.method("ssh").address) as connection:
            self.assertEqual(read_exactly(connection, 4), b"SSH-")
        server.end()
        self.stop(self.client())

    def test_messages_may_stand_in_a_file(self):
        messages = self.directory / "messages"
        self.write(messages, ssh.line_of("CMESSAGE", "ssh", ASK) + "\n")
        settings = pt.server_settings(ssh.state_in(self.directory, "server"), closed_port(), "ssh", EXIT_ON_STDIN_CLOSE="0",
                                      SERVER_TRANSPORT_OPTIONS="ssh:accept=auto")
        environment = pt.bare_environment() | {"TOR_PT_" + key: str(value) for key, value in settings.items()}
        with open(messages, "rb") as stdin:
            server = pt.Transport(ssh.as_account([str(self.program)]), environment, stdin, "/")
        pt.on_exit(self, server.end)
        server.expect("^SMESSAGE ")
        server.assert_stays(0.3)

    def test_a_parent_that_never_reads_nor_answers_costs_nothing(self):
        client = self.client()
        client.close_reading("stdout")
        client.assert_stays(1)
        client.close_stdin()
        self.assertEqual(client.wait_exit(5), 0)


class Files(SignalsStory):
    def test_tor_hears_of_no_message(self):
        client = self.client(version="1")
        client.expect(r'^LOG SEVERITY=notice MESSAGE="ssh exchanges messages.*ssh/outbox')
        self.assertFalse([line for line in client.stdout if "CMESSAGE" in line])
        outbox = self.folder("client") / "outbox"
        line = outbox.read_text()
        self.assertRegex(line, r"\ACMESSAGE ssh [0-9a-f]{16} \{.*\}\n\Z")
        self.assertEqual(outbox.stat().st_mode & 0o777, 0o600)

    def test_files_carry_both_ways_under_either_version(self):
        for version, flags in (("1", ()), ("2", ("-signals", "files"))):
            with self.subTest(version=version):
                server = self.server(flags, version=version)
                outbox, inbox = (self.folder("server") / name for name in ("outbox", "inbox"))
                self.write(inbox, "Dear operator, this is the line:\n" + ssh.line_of("CMESSAGE", "ssh", ASK))
                wait_until(outbox.exists, 6, "an answer")
                self.assertEqual(outbox.read_text(), ANSWER + "\n")
                self.assertFalse([line for line in server.stdout if line.startswith("SMESSAGE")])
                self.stop(server)
                subprocess.run(["rm", "-r", self.directory / "server"], check=True)


class Genconfig(Story):
    def generate(self, *flags):
        state = pt.temp_dir(self) / "a state"
        made = subprocess.run([pt.PTPROXY, "-genconfig", "-state", state, *flags], capture_output=True, text=True, timeout=20)
        self.assertEqual(made.returncode, 0, made.stderr)
        return [line.split(": ", 1) for line in made.stdout.splitlines()]

    def test_server_and_client_as_printed_work_together(self):
        app = Acceptor(self, echo)
        for transport, options in (("dummy", None), ("rot_by_N", "rot_by_N:N=99"), ("obfs4", "obfs4:iat-mode=1")):
            with self.subTest(transport=transport):
                lines = dict(self.generate("-transports", transport, "-bindaddr", f"{transport}-127.0.0.1:%d" % closed_port()[1],
                                           "-orport", "%s:%d" % app.address, *(["-options", options] if options else [])))
                server = pt.start(self, flags=shlex.split(lines["server"])[1:])
                bridge = server.method(transport)
                client = pt.start(self, flags=[*shlex.split(lines["client"])[1:], "-state", str(pt.temp_dir(self))])
                with dial(client.method(transport).address) as connection:
                    connection.sendall(b"as printed")
                    self.assertEqual(read_exactly(connection, 10), b"as printed")
                told = json.loads(lines["json"])
                self.assertEqual((told["host"], int(told["port"])), bridge.address)
                self.assertEqual(told["arguments"], bridge.arguments)
                self.assertEqual(lines["bridge"].split(" ")[:3], ["Bridge", transport, "%s:%d" % bridge.address])
                self.assertEqual(lines["bridge"].split(" ")[3:], [f"{k}={v}" for k, v in bridge.arguments.items()])

    def test_no_secret_is_printed(self):
        lines = dict(self.generate("-transports", "obfs4", "-options",
                                   "obfs4:node-id=" + "01" * 20 + ";obfs4:private-key=" + "02" * 32 + ";obfs4:drbg-seed=" + "03" * 24))
        for secret in ("02" * 32, "03" * 24):
            self.assertNotIn(secret, str(lines))
        self.assertIn("<IP ADDRESS>:<PORT>", lines["bridge"])

    def test_a_mistake_is_told(self):
        for flags in (["-transports", "none"], ["-client", "-transports", "obfs4"], [], ["-transports", "rot_by_N", "-options", "rot_by_N:N=x"]):
            made = subprocess.run([pt.PTPROXY, "-genconfig", "-state", pt.temp_dir(self), *flags], capture_output=True, text=True,
                                  timeout=20, env=pt.bare_environment())
            self.assertEqual((made.returncode, made.stdout), (64, ""), flags)
            self.assertRegex(made.stderr, r"(?m)^ptproxy: .+")


if __name__ == "__main__":
    pt.main()
