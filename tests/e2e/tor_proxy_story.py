"""tor with Socks5Proxy, Socks4Proxy and HTTPSProxy: its transport goes through real proxies to the bridge, and nowhere else."""
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from support import pt
from support.peers import LOOPBACK, noise, sha256
from support.pt import PTPROXY, Child, Story, bare_environment, on_exit, temp_dir, wait_until
from support.sockets import dialled_by
from support.tor_network import TorNetwork, free_ports
from tor_network_story import serve_file

SIZE = 1 << 20
USER, PASSWORD = "us%er@x", "p:a@s%s/w"  # tor pastes these into the URI as they are


class Upstream:
    """A real proxy on loopback, and the torrc lines that lead through it."""

    def __init__(self, owner, name, port, command, lines, log):
        self.name, self.port, self.lines, self.log = name, port, lines, log
        self.process = Child(command, bare_environment())
        on_exit(owner, self.end)

    def end(self):
        for pid in [self.process.pid, *self.process.children()] if self.process.is_running() else []:
            os.kill(pid, signal.SIGKILL)
        self.process.end()

    def said(self):
        return "\n".join(self.process.stdout + self.process.stderr)


def upstreams(owner):
    socks5, socks4, http = free_ports(3)
    danted, tinyproxy = temp_dir(owner) / "danted.conf", temp_dir(owner) / "tinyproxy.conf"
    danted.write_text(f"""logoutput: stderr
internal: {LOOPBACK} port = {socks4}
external: lo
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
}}
socks pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
  protocol: tcp
  log: connect error
}}
""")
    tinyproxy.write_text(f"Port {http}\nListen {LOOPBACK}\nTimeout 60\nMaxClients 50\nLogLevel Connect\nBasicAuth someone s3cret\n")
    return [
        Upstream(owner, "Socks5Proxy", socks5, ["microsocks", "-i", LOOPBACK, "-p", socks5, "-u", USER, "-P", PASSWORD],
                 [f"Socks5Proxy {LOOPBACK}:{socks5}", f"Socks5ProxyUsername {USER}", f"Socks5ProxyPassword {PASSWORD}"],
                 r"connected to 127\.0\.0\.1:{port}"),
        Upstream(owner, "Socks4Proxy", socks4, ["/usr/sbin/danted", "-f", danted, "-N", "1"], [f"Socks4Proxy {LOOPBACK}:{socks4}"],
                 r"127\.0\.0\.1\.{port}"),
        Upstream(owner, "HTTPSProxy", http, ["tinyproxy", "-d", "-c", tinyproxy],
                 [f"HTTPSProxy {LOOPBACK}:{http}", "HTTPSProxyAuthenticator someone:s3cret"], r"CONNECT 127\.0\.0\.1:{port}"),
    ]


class TorBehindProxies(Story):
    def fetch(self, socks, port):
        place = temp_dir(self) / "body"
        subprocess.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "60", "--socks5-hostname", f"{LOOPBACK}:{socks}",
                        "--output", place, f"http://{LOOPBACK}:{port}/file"], check=True, timeout=70, env=bare_environment())
        return place.read_bytes()

    def test_each_leads_to_a_circuit_and_is_never_gone_around(self):
        for program in ("microsocks", "/usr/sbin/danted", "tinyproxy"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")
        if os.geteuid() != 0:
            self.skipTest("Dante gives up its rights, so it must be started by root")
        data = noise(SIZE, 71)
        port = serve_file(self, data)
        network = TorNetwork(self, PTPROXY)
        network.start_relays()
        behind = [(upstream, socks, network.start_client(upstream.name.lower(), socks, upstream.lines))
                  for upstream, socks in zip(upstreams(self), free_ports(3))]
        for upstream, socks, tor in behind:
            with self.subTest(tor=upstream.name):
                tor.expect(r"Bootstrapped 100%", 90)
                self.assertIn("(PROXY DONE)", tor.said())
                self.assertEqual(sha256(self.fetch(socks, port)), sha256(data))
                self.assertRegex(upstream.said(), upstream.log.format(port=network.bridge_ports["obfs4"]))
                self.assertEqual(dialled_by(tor.transports()[0]), {(LOOPBACK, upstream.port)})
                for secret in (PASSWORD, "s3cret"):
                    self.assertNotIn(secret, "".join(re.findall(r"(?m)^.*Managed proxy.*$", tor.said())))

        for upstream, _, tor in behind:
            transport = tor.transports()[0]
            upstream.end()
            wait_until(lambda: not dialled_by(transport), 10, "the end of the bridge connection")
        # tor asks for the bridge again about each second; the transport must have nothing to offer.
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for upstream, _, tor in behind:
                self.assertLessEqual(dialled_by(tor.transports()[0]), {(LOOPBACK, upstream.port)})
            time.sleep(0.02)


if __name__ == "__main__":
    pt.main()
