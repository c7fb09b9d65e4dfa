"""Real tor at both ends: bootstrap over obfs4, a download through a circuit, and nobody left behind."""
import http.server
import os
import signal
import subprocess
import threading
import time

from support import pt
from support.peers import LOOPBACK, noise, sha256
from support.pt import PTPROXY, Story, is_running, on_exit, wait_until
from support.tor_network import Tor, TorNetwork, free_ports

SIZE = 10 << 20


def serve_file(owner, data):
    """An HTTP server behind the exit; returns its port."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    on_exit(owner, server.server_close)
    on_exit(owner, server.shutdown)
    return server.server_port


def program_of(pid):
    return os.path.realpath(f"/proc/{pid}/exe")


class TorStory(Story):
    def fetch(self, socks, port):
        """The body that curl gets through a client's SocksPort."""
        place = pt.temp_dir(self) / "body"
        subprocess.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "90", "--socks5-hostname",
                        f"{LOOPBACK}:{socks}",
                        "--output", place, f"http://{LOOPBACK}:{port}/file"], check=True, timeout=100,
                       env=pt.bare_environment())
        return place.read_bytes()

    def assert_no_complaints(self, tor):
        for complaint in ("Unknown line received by managed proxy", "failed the configuration protocol",
                          "invalid LOG message",
                          "invalid STATUS message", "invalid severity", "method error"):
            self.assertNotIn(complaint, tor.said(), tor.complaints())


class Circuit(TorStory):
    def test_a_circuit_over_obfs4(self):
        data = noise(SIZE, 41)
        port = serve_file(self, data)
        network = TorNetwork(self, PTPROXY)
        network.start()
        self.assertEqual(sha256(self.fetch(network.socks, port)), sha256(data))

        network.bridge.expect(r"Received USERADDR\.\s*We rewrite our address from \S+ to '127\.0\.0\.1:\d+'", 10)
        network.bridge.expect(r"Seen client from '127\.0\.0\.1' with transport 'obfs4'", 10)
        self.assertNotIn("<no transport>", network.bridge.said())

        children = network.bridge.transports() + network.client.transports()
        self.assertEqual(len(children), 2)
        for pid in children:
            self.assertEqual(program_of(pid), os.path.realpath(PTPROXY))
        state = network.bridge.folder / "pt_state"
        self.assertEqual(state.stat().st_mode & 0o777, 0o700)
        for path in state.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

        network.bridge.hang_up()
        network.client.hang_up()
        time.sleep(1.5)
        self.assertEqual(network.bridge.transports() + network.client.transports(), children,
                         "a reload changes nothing")

        for tor in (network.bridge, network.client):
            self.assert_no_complaints(tor)

        with self.subTest("a killed transport comes back"):
            os.kill(network.client.transports()[0], signal.SIGKILL)
            wait_until(lambda: network.client.transports() and network.client.transports()[0] not in children, 15,
                       "a new transport")
            children += network.client.transports()
            self.assertEqual(len(self.fetch(network.socks, port)), SIZE)

        network.stop()
        wait_until(lambda: not any(is_running(pid) for pid in children), 5, f"the end of {children}")


class Several(TorStory):
    def test_several_transports_in_one_line_on_either_side(self):
        transports = ("obfs4", "obfs3", "obfs2", "scramblesuit", "meek")
        data = noise(2 << 20, 43)
        port = serve_file(self, data)
        network = TorNetwork(self, PTPROXY, transports)
        network.start_relays()
        ports = dict(zip(transports, free_ports(len(transports))))
        clients = {name: network.start_client(name, ports[name], over=[name]) for name in transports}
        with_all = network.start_client("withall", network.socks)
        for name, client in clients.items():
            with self.subTest(transport=name):
                client.expect(r"Bootstrapped 100%", 120)
                self.assertEqual(sha256(self.fetch(ports[name], port)), sha256(data))
                network.bridge.expect(r"Seen client from '127\.0\.0\.1' with transport '%s'" % name, 10)
                self.assertEqual(len(client.transports()), 1)
                self.assert_no_complaints(client)
        with_all.expect(r"Bootstrapped 100%", 120)
        self.assertEqual(sha256(self.fetch(network.socks, port)), sha256(data))
        for name in ("obfs4", "obfs3", "obfs2", "scramblesuit", "meek_lite"):
            self.assertRegex(with_all.said(), r"Got a line from managed proxy '[^']*': \(CMETHOD %s " % name)
        self.assertEqual(len(with_all.transports()), 1, "one process for all of them")
        self.assertEqual(len(network.bridge.transports()), 1, "one process for all of them")
        self.assert_no_complaints(with_all)
        self.assert_no_complaints(network.bridge)


class TorDies(TorStory):
    def test_a_killed_tor_leaves_no_transport(self):
        # No network is needed for that: a client with a bridge starts its transport at once.
        socks_port, nobody = free_ports(2)
        tor = Tor(self, pt.temp_dir(self), "lonely", [
            "UseBridges 1", f"SocksPort {LOOPBACK}:{socks_port}", f"ClientTransportPlugin obfs4 exec {PTPROXY}",
            f"Bridge obfs4 {LOOPBACK}:{nobody} {'A' * 40} cert={'A' * 70} iat-mode=0",
            f"__OwningControllerProcess {os.getpid()}"])
        tor.start()
        tor.expect(r"Got a line from managed proxy '[^']*': \(CMETHODS DONE\)", 20)
        children = tor.transports()
        self.assertEqual(len(children), 1)
        tor.process.signal(signal.SIGKILL)
        wait_until(lambda: not is_running(children[0]), 3, "the end of the transport")
        self.assert_no_complaints(tor)


if __name__ == "__main__":
    pt.main()
