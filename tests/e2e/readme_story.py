"""README.md: the commands that it gives, as a reader would type them, with other ports and folders."""
import http.server
import re
import subprocess
import threading
import unittest

from support import pt
from support.manual import ROOT, Page
from support.peers import LOOPBACK, closed_port
from support.pt import Story, temp_dir

PAGE = b"hello from the demo page\n"


class WebPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


class Readme(Story):
    def setUp(self):
        self.page = Page("README.md")
        self.web = http.server.ThreadingHTTPServer((LOOPBACK, 0), WebPage)
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        self.addCleanup(self.web.server_close)
        self.addCleanup(self.web.shutdown)

    def ptproxy(self, command, words):
        assert command[0] == "ptproxy", command
        for old, new in words.items():
            command = [word.replace(old, str(new)) for word in command]
        child = pt.Transport([pt.PTPROXY, *command[1:]], pt.bare_environment())
        self.addCleanup(child.end)
        return child

    def curl(self, command, words):
        assert command[0] == "curl", command
        for old, new in words.items():
            command = [word.replace(old, str(new)) for word in command]
        return subprocess.run([command[0], "-s", "--max-time", "20", *command[1:]], stdout=subprocess.PIPE).stdout

    def test_by_hand_and_by_socks(self):
        bridge_port, door_port = closed_port()[1], closed_port()[1]
        states = {"/var/lib/ptproxy-client": temp_dir(self), "/var/lib/ptproxy": temp_dir(self)}
        ports = {"4443": bridge_port, "1984": door_port, "8080": self.web.server_port}
        server, client, fetch = self.page.commands("by-hand")
        bridge = self.ptproxy(server, {**ports, **states}).method("obfs4")
        client = self.ptproxy(client, {**ports, **states, "CERT": bridge.arguments["cert"]})
        self.assertEqual(client.method("obfs4").protocol, "transparent-TCP")
        self.assertEqual(self.curl(fetch, ports), PAGE)

        socks, *fetches = self.page.commands("by-socks")
        host, port = self.ptproxy(socks, states).method("obfs4").address
        words = {"HOST:PORT": f"{host}:{port}", "CERT": bridge.arguments["cert"], "BRIDGE:PORT": f"{LOOPBACK}:{bridge_port}"}
        for fetch in fetches:
            with self.subTest(command=fetch):
                self.assertEqual(self.curl(fetch, words), PAGE)

    def test_by_proxy(self):
        # What goes through them is told by real_upstream_story.py.
        for command in self.page.commands("by-proxy"):
            with self.subTest(command=command):
                client = self.ptproxy(command, {"/var/lib/ptproxy-client": temp_dir(self)})
                client.expect(r"^PROXY DONE$")
                client.method("obfs4")

    def test_by_udp(self):
        # What goes through them is told by udp_openvpn_story.py and udp_turn_story.py.
        for block, mode, door in (("by-udp", "transparent-UDP", "127.0.0.1:1194"), ("by-turn", "STUN", "127.0.0.1:3479")):
            with self.subTest(block=block):
                server, client = self.page.commands(block)
                bridge_port = closed_port()[1]
                bridge = self.ptproxy(server, {"0.0.0.0:443": f"{LOOPBACK}:{bridge_port}", "/var/lib/ptproxy": temp_dir(self)})
                words = {"203.0.113.7:443": f"{LOOPBACK}:{bridge_port}", door: f"{LOOPBACK}:0",
                         "CERT": bridge.method("obfs4").arguments["cert"], "/var/lib/ptproxy-client": temp_dir(self)}
                self.assertEqual(self.ptproxy(client, words).method("obfs4").protocol, mode)

    def test_every_flag_and_page_that_the_documents_name_is_there(self):
        usage = subprocess.run([pt.PTPROXY, "-help"], capture_output=True, text=True).stdout
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
            text = page.read_text()
            for line in text.splitlines():
                if line.lstrip().startswith("ptproxy "):
                    for flag in re.findall(r"(?<=\s)-([a-zA-Z][\w-]*)", line):
                        self.assertIn(f"  -{flag} ", usage, f"{page.name}: {line}")
            for link in re.findall(r"\]\(([\w./-]+)\)", text):
                self.assertTrue((page.parent / link).exists(), f"{page.name}: {link}")


if __name__ == "__main__":
    pt.main()
