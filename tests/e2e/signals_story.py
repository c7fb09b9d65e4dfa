"""Messages of transports: lines on stdout and stdin, or files; what a parent may do wrong; docs/signals.md as a reader would
follow it; and -genconfig."""
import json
import re
import shlex
import subprocess
import time
import unittest

from support import pt, ssh, users
from support.manual import ROOT, Page
from support.peers import Acceptor, closed_port, dial, echo, read_exactly
from support.pt import Story, wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFZNiHehAXqtdBnhCxwVqlhcgIFjHTxxV85l+hZIwUke"
FINGERPRINT = "SHA256:c0fa+FxTyIDAcelylLo21XQXcMceE5gyeudKat0dFzQ"
ASK = json.dumps({"t": "client-key", "key": KEY, "fp": FINGERPRINT}, separators=(",", ":"))
ANSWER = ssh.line_of("SMESSAGE", "ssh", json.dumps({"t": "accepted", "fp": FINGERPRINT}, separators=(",", ":")))


@unittest.skipIf(ssh.why_not(), ssh.why_not())
class SignalsStory(Story):
    def setUp(self):
        self.program, self.directory = users.program_for_all(self)

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
                      *(ssh.line_of("CMESSAGE", "ssh", payload).encode()
                        for payload in (r'{"t":"\q"}', r'{"t":"\u12"}', r'{"t":"\ud800"}', '{"t":"' + "x" * 4000 + '"}')),
                      # Each under its right id and fingerprint: more than a key, or hardly one.
                      *(ssh.line_of("CMESSAGE", "ssh", json.dumps({"t": "client-key", "key": key, "fp": FINGERPRINT})).encode()
                        for key in (KEY + "\nssh-ed25519 AAAA", 'command="id" ' + KEY, KEY + " x", KEY[:60], KEY + "A" * 3500)),
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

    def test_what_a_parent_left_ignored_does_not_matter(self):
        """A child's end cannot be heard of while its signal is ignored."""
        settings = pt.client_settings(ssh.state_in(self.directory, "client"), "ssh")
        environment = pt.bare_environment() | {"TOR_PT_" + key: str(value) for key, value in settings.items()}
        client = pt.Transport(["sh", "-c", "trap '' CHLD PIPE TTIN; exec \"$@\"", "sh", *ssh.as_account([str(self.program)])],
                              environment, cwd="/")
        pt.on_exit(self, client.end)
        client.expect("^CMESSAGE ssh ")
        self.stop(client)

    def test_a_transport_that_cannot_listen_is_told_and_does_no_harm(self):
        taken = Acceptor(self, echo)
        client = self.client(["-proxylistenaddr", "%s:%d" % taken.address])
        client.expect("^CMETHOD-ERROR ssh ", "stderr")
        ssh.tell(client, ANSWER)
        client.assert_stays(0.5)
        client.close_stdin()
        self.assertEqual(client.wait_exit(5), 0)

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


class Manual(SignalsStory):
    """docs/signals.md."""

    def setUp(self):
        super().setUp()
        self.page = Page("docs/signals.md")
        self.app = Acceptor(self, echo)
        self.bridge, self.door = ("%s:%d" % closed_port() for _ in range(2))
        self.words = {"/var/lib/ptproxy-client": ssh.state_in(self.directory, "client"),
                      "/var/lib/ptproxy": ssh.state_in(self.directory, "server"), "192.0.2.1:2222": self.bridge,
                      "127.0.0.1:8080": "%s:%d" % self.app.address, "127.0.0.1:1984": self.door}

    def replaced(self, text, **more):
        for old, new in {**self.words, **more}.items():
            text = text.replace(old, str(new))
        return text

    def ptproxy(self, block, *flags, **more):
        (program, *words), = self.page.commands(block)
        self.assertEqual(program, "ptproxy")
        return ssh.start(self, self.program, {}, [*(self.replaced(word, **more) for word in words), *flags])

    def shell(self, block, **more):
        subprocess.run(ssh.as_account(["sh", "-c", self.replaced(self.page.block(block), **more)]), check=True, timeout=20,
                       cwd="/")

    def server_and_client(self, *flags):
        server = self.ptproxy("server", *flags)
        arguments = server.method("ssh").arguments
        return server, self.ptproxy("client", *flags, USER=arguments["user"], FINGERPRINT=arguments["fingerprint"])

    def assert_echoes(self):
        host, port = self.door.rsplit(":", 1)
        with dial((host, int(port))) as connection:
            connection.sendall(b"as written")
            return read_exactly(connection, 10) == b"as written"

    def reached(self):
        try:
            return self.assert_echoes()
        except (OSError, AssertionError):
            return False

    def test_by_hand(self):
        server, client = self.server_and_client()
        message = client.expect("^CMESSAGE ssh .*")[0]
        ssh.tell(server, message)
        fingerprint = server.expect("a client asks to be let in.*(SHA256:.{43})", "stderr")[1]
        self.assertEqual(json.loads(message.split(" ", 3)[3])["fp"], fingerprint)
        self.shell("accept", **{"SHA256:…": fingerprint})
        ssh.tell(client, server.expect("^SMESSAGE ssh .*")[0])
        wait_until(self.reached, 20, "a way through")
        self.assertEqual(self.page.commands("fetch"), [["curl", "http://127.0.0.1:1984/"]])

    def test_by_files(self):
        server, client = self.server_and_client("-signals", "files")
        wait_until((self.folder("client") / "outbox").exists, 6, "a message")
        self.shell("files")
        fingerprint = server.expect("a client asks to be let in.*(SHA256:.{43})", "stderr")[1]
        self.shell("accept", **{"SHA256:…": fingerprint})
        wait_until(self.reached, 30, "a way through")
        self.assertTrue((self.folder("server") / "outbox").read_text().startswith("SMESSAGE ssh "))
        self.assertFalse([line for child in (server, client) for line in child.stdout if "MESSAGE" in line])

    def test_by_a_program(self):
        words, = self.page.commands("parent")
        self.assertEqual(words[:2], ["python3", "docs/example_parent.py"])
        example = self.directory / "example_parent.py"
        self.write(example, (ROOT / words[1]).read_text())
        parent = pt.Child(ssh.as_account(["python3", example, *(self.replaced(word, **{"/usr/bin/ptproxy": self.program})
                                                                 for word in words[2:])]), pt.bare_environment(), cwd="/")
        pt.on_exit(self, parent.end)
        parent.expect("^client: CMESSAGE ssh ")
        parent.expect("^server: SMESSAGE ssh ")
        parent.close_stdin()
        self.assertEqual(parent.wait_exit(10), 0)


class Genconfig(Story):
    def generate(self, *flags):
        state = pt.temp_dir(self) / "a state"
        made = subprocess.run([pt.PTPROXY, "-genconfig", "-state", state, *flags], capture_output=True, text=True, timeout=20)
        self.assertEqual(made.returncode, 0, made.stderr)
        return [line.split(": ", 1) for line in made.stdout.splitlines()]

    def test_server_and_client_as_printed_work_together(self):
        app = Acceptor(self, echo)
        for transport, options in (("dummy", None), ("rot_by_N", "rot_by_N:N=99"), ("obfs2", None), ("obfs3", None),
                                   ("obfs2", r"obfs2:shared-secret=a\;rahasia"),
                                   ("obfs4", "obfs4:iat-mode=1"), ("scramblesuit", None),
                                   ("scramblesuit", "scramblesuit:password=GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC;scramblesuit:iat-mode=1"),
                                   ("meek", None), ("meek", "meek:path=/a-long-secret")):
            with self.subTest(transport=transport, options=options):
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
                arguments = told["arguments"]
                # What SMETHOD does not tell: a secret that the operator chose, and where a web server is.
                untold = {key: arguments[key] for key in ("shared-secret", "url") if key in arguments}
                self.assertEqual(bridge.arguments | untold, arguments)
                self.assertEqual(lines["bridge"], " ".join(["Bridge", transport, "%s:%d" % bridge.address,
                                                            *(f"{k}={v}" for k, v in arguments.items())]))
                server.end(), client.end()

    def test_as_the_page_says(self):
        page = Page("docs/transports.md")
        (_, *flags), = page.commands("genconfig", {"/var/lib/ptproxy": pt.temp_dir(self)})
        made = [subprocess.run([pt.PTPROXY, *flags], capture_output=True, text=True, timeout=20, check=True).stdout
                for _ in range(2)]
        self.assertEqual(made[0], made[1])
        printed = next(block for block in re.findall(r"^```\n(server: .*?)^```$", (ROOT / "docs/transports.md").read_text(),
                                                     re.M | re.S))
        pattern = re.escape(printed.replace("/var/lib/ptproxy", flags[flags.index("-state") + 1])).replace("…", ".+")
        self.assertRegex(made[0], rf"\A{pattern}\Z")

    def test_every_transport_of_the_page_generates(self):
        table = (ROOT / "docs/transports.md").read_text().partition("## Generating configuration")[2]
        names = {name for cell in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", cell)}
        listed = {name for cell in re.findall(r"^\| (`.*?) \|", (ROOT / "README.md").read_text(), re.M)
                  for name in re.findall(r"`(\w+)`", cell)}
        self.assertEqual(listed - names, {"meek_lite"})
        for name in names - {"ssh"}:  # which root cannot have; ssh_story.py does
            self.assertEqual(len(self.generate("-transports", name)), 4)

    def test_meek_behind_a_web_server_is_told_by_its_url(self):
        lines = dict(self.generate("-transports", "meek", "-bindaddr", "meek-127.0.0.1:8443", "-options",
                                   r"meek:trust-forwarded-for=1;meek:url=https\://meek.example.net/;meek:front=cdn.example.net"))
        self.assertEqual(json.loads(lines["json"])["arguments"], {"url": "https://meek.example.net/", "front": "cdn.example.net"})
        self.assertTrue(lines["server"].endswith(" -options meek:trust-forwarded-for=1"), lines["server"])

    def test_a_udp_mode_holds_for_both_sides(self):
        lines = dict(self.generate("-transports", "obfs4", "-mode", "stun", "-orport", "127.0.0.1:3478"))
        for side in ("server", "client"):
            self.assertIn(" -mode STUN", lines[side])

    def test_no_secret_is_printed(self):
        lines = dict(self.generate("-transports", "obfs4", "-options",
                                   "obfs4:node-id=" + "01" * 20 + ";obfs4:private-key=" + "02" * 32 + ";obfs4:drbg-seed=" + "03" * 24))
        for secret in ("02" * 32, "03" * 24):
            self.assertNotIn(secret, str(lines))
        self.assertIn("<IP ADDRESS>:<PORT>", lines["bridge"])

    def test_a_mistake_is_told(self):
        for flags in (["-transports", "none"], ["-client", "-transports", "obfs4"], [], ["-transports", "rot_by_N", "-options", "rot_by_N:N=x"],
                      ["-transports", "meek_lite"], ["-transports", "meek", "-options", "meek:trust-forwarded-for=1"],
                      ["-transports", "meek", "-options", "meek:url=nowhere"], ["-transports", "meek", "-options", "meek:front=a"],
                      ["-transports", "obfs2", "-options", "obfs2:shared-secret="]):
            made = subprocess.run([pt.PTPROXY, "-genconfig", "-state", pt.temp_dir(self), *flags], capture_output=True, text=True,
                                  timeout=20, env=pt.bare_environment())
            self.assertEqual((made.returncode, made.stdout), (64, ""), flags)
            self.assertRegex(made.stderr, r"(?m)^ptproxy: .+")


if __name__ == "__main__":
    pt.main()
