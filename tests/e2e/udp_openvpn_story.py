"""docs/udp.md, OpenVPN: two of Debian's openvpn keep a session for a minute through a pair of ptproxys."""
import os
import re
import shutil
import subprocess
import time
import unittest

from support import pt
from support.manual import Page
from support.peers import LOOPBACK, closed_port
from support.pt import Story, on_exit, temp_dir, wait_until
from support.udp import FLOW_OVER, udp_socket

MINUTE = 60


def free_udp_port(owner):
    probe = udp_socket(owner)
    port = probe.getsockname()[1]
    probe.close()
    return port


def may_make_tunnels():
    """Whether tun devices and network namespaces are to be had here."""
    probe = "unshare --net true && test -c /dev/net/tun && ip tuntap add dev ptvpnprobe mode tun && ip link del ptvpnprobe"
    return all(map(shutil.which, ("ip", "unshare", "nsenter", "ping"))) and \
        subprocess.run(["sh", "-c", probe], capture_output=True).returncode == 0


@unittest.skipUnless(shutil.which("openvpn") and shutil.which("openssl"), "openvpn is not installed")
class OpenVpn(Story):
    def setUp(self):
        self.page = Page("docs/udp.md")
        self.vpn_port, self.proxy_port, bridge_port = free_udp_port(self), free_udp_port(self), closed_port()[1]
        self.server = self.ptproxy("vpn-bridge", {"0.0.0.0:443": f"{LOOPBACK}:{bridge_port}", "1194": self.vpn_port})
        self.client = self.ptproxy("vpn-client", {"203.0.113.7:443": f"{LOOPBACK}:{bridge_port}", "1194": self.proxy_port,
                                                  "CERT": self.server.method("obfs4").arguments["cert"]})
        self.assertEqual(self.client.method("obfs4").protocol, "transparent-UDP")
        self.folders = {"server": temp_dir(self), "client": temp_dir(self)}
        self.fingerprints = {name: self.certificate(name) for name in self.folders}

    def ptproxy(self, block, words):
        command = self.page.commands(block, {**words, "/var/lib/ptproxy": temp_dir(self)})[0]
        self.assertEqual(command[0], "ptproxy")
        child = pt.Transport([pt.PTPROXY, *command[1:], "-exit-on-stdin-close"], pt.bare_environment())
        on_exit(self, child.end)
        return child

    def certificate(self, name):
        for command in self.page.commands("vpn-certificate", {"server": name}):
            said = subprocess.run(command, cwd=self.folders[name], capture_output=True, text=True, check=True).stdout
        return said.strip().rpartition("=")[2]

    def start_vpns(self, words, more=()):
        """Starts both ends with the page's files, changed by `words`, and waits until they have found each other."""
        found = {}
        ports = {"server": {"1194": self.vpn_port}, "client": {"1194": self.proxy_port}}
        for (name, other), command in zip((("server", "client"), ("client", "server")), self.page.commands("vpn-start")):
            text = self.page.block(f"{name}.conf", {**words(name), **ports[name],
                                                    f"FINGERPRINT_OF_{other.upper()}": self.fingerprints[other]})
            (self.folders[name] / f"{name}.conf").write_text(text)
            found[name] = pt.Child([*command, *more], cwd=self.folders[name])
            on_exit(self, found[name].end)
        for child in found.values():
            child.expect(r"Initialization Sequence Completed", timeout=60)
        return found

    def assert_one_quiet_session(self, vpns, least):
        """Neither end has begun anew, and at least so many datagrams went each way, all of which arrived."""
        for child in vpns.values():
            self.assertTrue(child.is_running(), child.transcript())
            text = "\n".join(child.stdout)
            self.assertEqual(text.count("Initialization Sequence Completed"), 1, text)
            self.assertNotRegex(text, r"(?i)inactivity timeout|restarting|tls error|authenticate/decrypt packet error", text)
        self.stop(self.client)
        self.server.expect(FLOW_OVER.pattern, "stderr", 5)
        near, far = ([flow for flow in map(FLOW_OVER.search, child.stderr) if flow] for child in (self.client, self.server))
        self.assertEqual((len(near), len(far)), (1, 1))
        near, far = near[0].groupdict(), far[0].groupdict()
        print(f"{near['accepted']} datagrams to the VPN server, {near['delivered']} back")
        for way, (sent, received) in {"out": (near["accepted"], far["delivered"]), "back": (far["accepted"], near["delivered"])}.items():
            self.assertEqual(sent, received, way)
            self.assertGreaterEqual(int(sent), least, way)
        for flow in (near, far):
            self.assertEqual((flow["no_room"], flow["cut_off"], flow["refused"]), ("0", "0", "0"))

    def test_a_session_lasts_a_minute_of_pings(self):
        # A ping each second, and an end that hears none for five gives up.
        addresses = {"server": "ifconfig 10.8.0.1 10.8.0.2\n", "client": "ifconfig 10.8.0.2 10.8.0.1\n"}
        vpns = self.start_vpns(lambda name: {"dev tun": "dev null", addresses[name]: "", "keepalive 10 60": "keepalive 1 5"})
        time.sleep(MINUTE)
        self.assert_one_quiet_session(vpns, MINUTE - 10)
        self.assertEqual(self.page.unused("vpn-"), [])

    @unittest.skipUnless(may_make_tunnels(), "no tun devices or network namespaces here")
    def test_packets_pass_through_the_tunnel_for_a_minute(self):
        # Each end of the tunnel stands in a network of its own, so that the machine cannot take a short cut.
        devices = {name: f"ptv{os.getpid()}{name[0]}" for name in self.folders}
        vpns = self.start_vpns(lambda name: {"dev tun": f"dev {devices[name]}\ndev-type tun"}, ["--ifconfig-noexec"])
        networks = {name: self.network(device) for name, device in devices.items()}
        for name, (here, there) in {"server": ("10.8.0.1", "10.8.0.2"), "client": ("10.8.0.2", "10.8.0.1")}.items():
            self.inside(networks[name], "ip", "addr", "add", here, "peer", there, "dev", devices[name])
            self.inside(networks[name], "ip", "link", "set", devices[name], "up")
        said = self.inside(networks["client"], "ping", "-n", "-q", "-i", "0.2", "-c", str(5 * MINUTE), "-s", "1000", "10.8.0.1")
        self.assertRegex(said, rf"{5 * MINUTE} packets transmitted, {5 * MINUTE} received, 0% packet loss", said)
        self.assert_one_quiet_session(vpns, 5 * MINUTE)

    def network(self, device):
        """A process with a network of its own, into which the device has moved. It all goes with the process."""
        holder = pt.Child(["unshare", "--net", "sh", "-c", "echo here; exec sleep 600"])
        on_exit(self, holder.end)
        holder.expect("here")
        subprocess.run(["ip", "link", "set", device, "netns", str(holder.pid)], check=True)
        return holder.pid

    def inside(self, network, *command):
        done = subprocess.run(["nsenter", f"--net=/proc/{network}/ns/net", *command], capture_output=True, text=True, timeout=3 * MINUTE)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout


if __name__ == "__main__":
    pt.main()
