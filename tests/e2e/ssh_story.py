"""The ssh transport with real ssh and sshd: let in by message, confined to the Server App, and never without its parent."""
import json
import os
import pathlib
import shlex
import signal
import subprocess
import time
import unittest

from support import pt, socks, ssh, users
from support.peers import (Acceptor, BulkApp, closed_port, dial, echo, exchange, hears_end, noise, read_exactly, read_to_end,
                           sha256)
from support.pt import Story, is_running, wait_until
from upstream_proxy_story import UpstreamProxy

MIB = 1 << 20
EXAMPLE_PARENT = pathlib.Path(__file__).parents[2] / "docs" / "example_parent.py"


def key_of(line):
    """What a message about a key says."""
    return json.loads(line.split(" ", 3)[3])


@unittest.skipIf(ssh.why_not(), ssh.why_not())
class SshStory(Story):
    def setUp(self):
        self.program, self.directory = users.program_for_all(self)

    def server(self, app, options=None, state="server", **more):
        settings = pt.server_settings(ssh.state_in(self.directory, state), app, "ssh", **more)
        if options:
            settings["SERVER_TRANSPORT_OPTIONS"] = options
        return ssh.start(self, self.program, settings)

    def client(self, state="client", **more):
        return ssh.start(self, self.program, pt.client_settings(ssh.state_in(self.directory, state), "ssh", **more))

    def pair(self, app):
        """Server and client that know each other."""
        server, client = self.server(app, "ssh:accept=auto"), self.client()
        server.methods(), client.methods()
        ssh.tell(server, client.expect(r"^CMESSAGE ssh .*")[0])
        server.expect(r"^SMESSAGE ssh .*")
        return server, client

    def connect(self, client, server, timeout=20, **changes):
        """A connection to the Server App, however many attempts it takes."""
        method = server.method("ssh")
        end = time.monotonic() + timeout
        while True:
            try:
                return socks.connect(client.method("ssh").address, method.address, method.arguments | changes)
            except socks.Refused:
                if time.monotonic() > end:
                    raise AssertionError(f"no way in:\n{client.transcript()}\n{server.transcript()}") from None
                time.sleep(0.2)

    def assert_echoes(self, connection, text=b"there and back"):
        connection.sendall(text)
        self.assertEqual(read_exactly(connection, len(text)), text)


class Enrolment(SshStory):
    def test_first_refused_then_let_in_by_the_message_and_the_operator_then_carrying_16_mib(self):
        up, down = noise(16 * MIB, 1), noise(16 * MIB, 2)
        app = BulkApp(self, down, len(up))
        server, client = self.server(app.address), self.client()
        bridge, proxy = server.method("ssh"), client.method("ssh").address
        self.assertEqual(set(bridge.arguments), {"user", "fingerprint", "remote"})

        message = client.expect(r"^CMESSAGE ssh [0-9a-f]{16} \{.*\}$")[0]
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(proxy, bridge.address, bridge.arguments)
        self.assertEqual(refused.exception.code, 2)

        ssh.tell(server, message)
        fingerprint = key_of(message)["fp"]
        server.expect(rf"a client asks to be let in.*{fingerprint.replace('+', '.')}", "stderr")
        with self.assertRaises(socks.Refused):
            socks.connect(proxy, bridge.address, bridge.arguments)

        accept = self.directory / "server" / "ssh" / "accept"
        accept.write_text(fingerprint + "\n")
        accept.chmod(0o644)
        answer = server.expect(r"^SMESSAGE ssh [0-9a-f]{16} .*")[0]
        self.assertEqual(key_of(answer), {"t": "accepted", "fp": fingerprint})
        ssh.tell(client, answer)
        client.expect("has let this key in", "stderr")
        with self.connect(client, server) as connection:
            self.assertEqual(exchange(connection, up, len(down)), sha256(down))
            self.assertEqual(app.digest(), sha256(up))
        self.stop(client)
        self.stop(server)
        for child in (client, server):
            self.assert_clean_stdout(child)

    def test_a_lost_answer_costs_ten_seconds(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        with self.connect(client, server, 15) as connection:
            self.assert_echoes(connection)

    def test_the_key_lasts(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        self.connect(client, server).close()
        self.stop(client)
        again = ssh.start(self, self.program, pt.client_settings(self.directory / "client", "ssh"))
        with self.connect(again, server) as connection:
            self.assert_echoes(connection)
        self.assertFalse([line for line in again.stdout if "MESSAGE" in line], "nothing to say")

    def test_the_example_parent_carries_the_messages(self):
        app = Acceptor(self, echo)
        state = ssh.state_in(self.directory, "example")
        shared = self.directory / "example_parent.py"
        shared.write_text(EXAMPLE_PARENT.read_text())
        shared.chmod(0o644)
        parent = pt.Child(ssh.as_account(["/usr/bin/python3", str(shared), str(self.program), "%s:%d" % app.address,
                                          str(state)]), pt.bare_environment(), cwd="/")
        pt.on_exit(self, parent.end)
        parent.expect(r"^server: SMESSAGE ssh ")
        address = pt.parse_address(parent.expect(r"^client: CMETHOD ssh socks5 (\S+)$")[1])
        client_json = json.loads((state / "server" / "ssh" / "client.json").read_text())
        self.assertEqual(set(client_json), {"host", "port", "hostkey", "user", "fingerprint", "remote"})
        arguments = {key: value for key, value in client_json.items() if key != "remote"}
        with socks.connect(address, app.address, arguments) as connection:
            self.assert_echoes(connection)
        parent.close_stdin()
        self.assertEqual(parent.wait_exit(10), 0)


class Confinement(SshStory):
    def test_only_the_server_app_can_be_reached(self):
        app, other = Acceptor(self, echo), Acceptor(self, echo)
        server, client = self.pair(app.address)
        with self.connect(client, server):
            pass
        for remote in ("%s:%d" % other.address, "localhost:%d" % app.address[1]):
            with self.assertRaises(socks.Refused) as refused:
                socks.connect(client.method("ssh").address, server.method("ssh").address,
                              server.method("ssh").arguments | {"remote": remote})
            self.assertEqual(refused.exception.code, 1)
        self.assertEqual(other.accepted, 0)

    def test_a_login_gives_no_shell(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        self.connect(client, server).close()
        bridge = server.method("ssh")
        command = ["ssh", "-F", "none", "-i", str(self.directory / "client/ssh/sshKey"), "-p", str(bridge.address[1]),
                   "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
                   f"{bridge.arguments['user']}@{bridge.address[0]}", "echo", "in"]
        tried = subprocess.run(ssh.as_account(command), capture_output=True, timeout=20, cwd="/")
        self.assertNotEqual(tried.returncode, 0)
        self.assertEqual(tried.stdout, b"")

    def test_another_host_key_is_an_impostor(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        bridge = server.method("ssh")
        wrong = bridge.arguments | {"fingerprint": "SHA256:" + "A" * 43}
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(client.method("ssh").address, bridge.address, wrong)
        self.assertEqual(refused.exception.code, 2)
        client.expect("host key is not the one", "stderr")

    def test_no_other_user_can_use_the_way(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        with self.connect(client, server):
            folder = self.directory / "client" / "ssh"
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
            sockets = list(folder.glob("socks-*"))
            self.assertEqual([path.stat().st_mode & 0o777 for path in sockets], [0o600])
            self.assertEqual((folder / "sshKey").stat().st_mode & 0o777, 0o600)
        self.stop(client)
        self.assertEqual(list(folder.glob("socks-*")), [])

    def test_what_cannot_run_says_why(self):
        self.assertIn("Extended ORPort", self.server(None, EXTENDED_SERVER_PORT="127.0.0.1:9", AUTH_COOKIE_FILE="/none")
                      .expect(r"^SMETHOD-ERROR ssh (.*)", "stderr")[1])
        self.assertIn("accept", self.server(closed_port(), "ssh:accept=maybe", "other")
                      .expect(r"^SMETHOD-ERROR ssh (.*)", "stderr")[1])
        if os.geteuid() == 0:
            root = pt.start_server(self, closed_port(), "ssh")
            self.assertIn("unprivileged", root.expect(r"^SMETHOD-ERROR ssh (.*)", "stderr")[1])

    def test_the_upstream_proxy_is_the_only_way(self):
        app = Acceptor(self, echo)
        server = self.server(app.address, "ssh:accept=auto")
        for kind in ("http", "socks5"):
            proxy = UpstreamProxy(self, kind)
            client = self.client(kind, PROXY=proxy.uri)
            ssh.tell(server, client.expect(r"^CMESSAGE ssh .*")[0])
            with self.connect(client, server) as connection:
                self.assert_echoes(connection)
            self.assertGreater(proxy.accepted, 0)
            self.stop(client)
        host, port = closed_port()
        client = self.client("dead", PROXY=f"socks5://{host}:{port}")
        ssh.tell(server, client.expect(r"^CMESSAGE ssh .*")[0])
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(client.method("ssh").address, server.method("ssh").address, server.method("ssh").arguments)
        self.assertEqual(refused.exception.code, 5)


class Children(SshStory):
    def test_a_killed_child_is_replaced(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        connection = self.connect(client, server)
        self.assert_echoes(connection)
        for parent in (client, server, client):
            for pid in ssh.descendants(parent.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.assertTrue(hears_end(connection, 10))
            connection.close()
            connection = self.connect(client, server)
            self.assert_echoes(connection)
        connection.close()
        self.assertTrue(client.is_running() and server.is_running())

    def test_children_never_outlive_us(self):
        app = Acceptor(self, echo)
        for end in ("stdin", signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            for first in ("client", "server"):
                with self.subTest(end=end, first=first):
                    name = f"{end}-{first}"
                    server, client = self.server(app.address, "ssh:accept=auto", "s" + name), self.client("c" + name)
                    ssh.tell(server, client.expect(r"^CMESSAGE ssh .*")[0])
                    with self.connect(client, server) as connection:
                        self.assert_echoes(connection)
                        ending = client if first == "client" else server
                        children = ssh.descendants(ending.pid)
                        self.assertTrue(children)
                        ending.close_stdin() if end == "stdin" else ending.signal(end)
                        ending.wait_exit(8)
                        wait_until(lambda: not any(is_running(pid) for pid in children), 5, "the end of the children")
                    for child in (server, client):
                        child.end()

    def test_nor_does_an_ssh_that_nobody_answers(self):
        silent = Acceptor(self, read_to_end)
        options = f"user=nobody;fingerprint=SHA256:{'A' * 43};remote=127.0.0.1:1"
        client = ssh.start(self, self.program, pt.client_settings(ssh.state_in(self.directory, "client"), "ssh"),
                           ["-mode", "transparent-TCP", "-target", "%s:%d" % silent.address, "-options", options])
        with dial(client.method("ssh").address):
            wait_until(lambda: ssh.descendants(client.pid), 5, "an ssh")
            children = ssh.descendants(client.pid)
            client.signal(signal.SIGKILL)
            client.wait_exit(5)
            wait_until(lambda: not any(is_running(pid) for pid in children), 5, "the end of the children")

    def test_sshd_goes_with_its_client(self):
        app = Acceptor(self, echo)
        server, client = self.pair(app.address)
        self.connect(client, server).close()
        self.assertTrue(ssh.descendants(server.pid))
        self.stop(client)
        wait_until(lambda: not ssh.descendants(server.pid), 10, "the end of sshd")


class Generated(SshStory):
    def test_what_genconfig_prints_works(self):
        app = Acceptor(self, echo)
        address = closed_port()
        state = ssh.state_in(self.directory, "server")
        command = [str(self.program), "-genconfig", "-transports", "ssh", "-state", str(state), "-bindaddr",
                   "ssh-%s:%d" % address, "-orport", "%s:%d" % app.address, "-options", "ssh:accept=auto"]
        made = subprocess.run(ssh.as_account(command), capture_output=True, text=True, timeout=20, cwd="/", check=True)
        lines = dict(line.split(": ", 1) for line in made.stdout.splitlines())
        words = {name: shlex.split(lines[name].removeprefix("ptproxy ")) for name in ("server", "client")}
        server = ssh.start(self, self.program, {}, words["server"])
        self.assertEqual(server.method("ssh").address, address)
        client = ssh.start(self, self.program, {},
                           [*words["client"], "-state", str(ssh.state_in(self.directory, "client"))])
        ssh.tell(server, client.expect(r"^CMESSAGE ssh .*")[0])
        ssh.tell(client, server.expect(r"^SMESSAGE ssh .*")[0])

        def reached():
            try:
                with dial(client.method("ssh").address) as connection:
                    self.assert_echoes(connection)
                return True
            except (OSError, AssertionError):
                return False

        wait_until(reached, 20, "a way through")
        self.assertEqual(json.loads(lines["json"])["arguments"], server.method("ssh").arguments)


if __name__ == "__main__":
    pt.main()
