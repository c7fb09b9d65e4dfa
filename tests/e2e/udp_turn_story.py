"""docs/udp.md, TURN: Debian's coturn behind a pair of ptproxys in STUN mode, and its own clients in front of it."""
import re
import shutil
import subprocess
import unittest

from support import pt
from support.manual import Page
from support.peers import LOOPBACK, closed_port
from support.pt import Story, on_exit, temp_dir, wait_until
from support.udp import FLOW_OVER, udp_socket

LOST = re.compile(r"Total lost packets (\d+) .*total send dropped (\d+)")
TOTAL = re.compile(r"start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)")


def free_udp_port(owner):
    probe = udp_socket(owner)
    port = probe.getsockname()[1]
    probe.close()
    return port


@unittest.skipUnless(shutil.which("turnserver"), "coturn is not installed")
class Turn(Story):
    @classmethod
    def setUpClass(cls):
        cls.page = Page("docs/udp.md")
        cls.turn_port, cls.proxy_port = free_udp_port(cls), free_udp_port(cls)
        folder = temp_dir(cls)
        cls.turnserver = pt.Child(cls.page.commands("turn-server", {" 3478 ": f" {cls.turn_port} "})[0], cwd=folder)
        on_exit(cls, cls.turnserver.end)
        cls.turnserver.expect(r"DB connection success")
        bridge_port = closed_port()[1]
        cls.server = cls.ptproxy("turn-bridge", {"0.0.0.0:443": f"{LOOPBACK}:{bridge_port}", ":3478": f":{cls.turn_port}",
                                                 "/var/lib/ptproxy": temp_dir(cls)})
        cls.cert = cls.server.method("obfs4").arguments["cert"]
        cls.client_words = {"203.0.113.7:443": f"{LOOPBACK}:{bridge_port}", "CERT": cls.cert}
        cls.client = cls.ptproxy("turn-client", {**cls.client_words, "3479": cls.proxy_port, "/var/lib/ptproxy": temp_dir(cls)})
        assert cls.client.method("obfs4").protocol == "STUN"

    @classmethod
    def ptproxy(cls, block, words, more=()):
        command = cls.page.commands(block, words)[0]
        assert command[0] == "ptproxy", command
        child = pt.Transport([pt.PTPROXY, *command[1:], *more], pt.bare_environment())
        on_exit(cls, child.end)
        return child

    def run_tool(self, command, timeout=120):
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def assert_nothing_lost(self, command):
        said = self.run_tool(command)
        lost, sent = LOST.search(said), TOTAL.findall(said)
        self.assertTrue(lost and sent, said)
        self.assertEqual(lost.groups(), ("0", "0"), said)
        amount, answered = map(int, sent[-1])
        self.assertEqual(amount, answered, said)
        return amount

    def test_the_page_s_commands_work(self):
        probe, channels, indications = self.page.commands("turn-try", {"3479": self.proxy_port})
        said = self.run_tool(probe, 20)
        self.assertRegex(said, r"UDP reflexive addr: 127\.0\.0\.1:\d+")
        self.assertGreaterEqual(self.assert_nothing_lost(channels), 50)
        self.assertIn("-s", indications)
        self.assertGreaterEqual(self.assert_nothing_lost(indications), 50)
        self.assertEqual(self.page.unused("turn-"), [])

    def test_nothing_is_lost_of_any_length(self):
        tool = ["turnutils_uclient", "-p", self.proxy_port, "-u", "user", "-w", "secret", "-y", "-n", "40"]
        for more in (["-l", "171"], ["-l", "1"], ["-l", "1400", "-c"], ["-l", "173", "-D"], ["-l", "173", "-s"], ["-m", "5"]):
            with self.subTest(more=more):
                self.assert_nothing_lost([str(word) for word in [*tool, *more, LOOPBACK]])

    def test_a_session_outlives_the_drop_of_its_first_message(self):
        port = free_udp_port(self)
        client = self.ptproxy("turn-client", {**self.client_words, "3479": port, " -udp-queue 1": "",
                                              "/var/lib/ptproxy": temp_dir(self)}, ["-exit-on-stdin-close"])
        client.method("obfs4")
        self.assert_nothing_lost(["turnutils_uclient", "-p", str(port), "-u", "user", "-w", "secret", "-y", "-n", "40", LOOPBACK])
        self.stop(client)
        flows = [FLOW_OVER.search(line) for line in client.stderr]
        flows = [flow for flow in flows if flow]
        self.assertTrue(flows, client.transcript())
        for flow in flows:
            self.assertGreaterEqual(int(flow["connecting"]), 1)
            self.assertEqual((flow["no_room"], flow["not_stun"], flow["cut_off"], flow["refused"]), ("0",) * 4)


if __name__ == "__main__":
    pt.main()
