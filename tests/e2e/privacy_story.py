"""Nothing that a log or an error line says tells who talked to whom, unless it was asked to."""

from support import pt, socks
from support.peers import Acceptor, closed_port, dial, echo, noise, read_exactly
from support.pt import Story, start_client, start_server

SECRET = "correcthorsebattery"


class Privacy(Story):
    def converse(self, flags, version):
        """Good and bad conversations over obfs4 and dummy; (children, endpoints that were seen, secrets)."""
        app = Acceptor(self, echo)
        server = start_server(self, app.address, "obfs4,dummy", flags=flags, version=version)
        client = start_client(self, "obfs4,dummy", flags=flags, version=version, PROXY=None)
        bridge, plain = server.method("obfs4"), server.method("dummy")
        proxies = {name: client.method(name).address for name in ("obfs4", "dummy")}
        seen = []
        with socks.connect(proxies["obfs4"], bridge.address, bridge.arguments | {"note": SECRET}) as connection:
            seen.append(connection.getsockname())
            connection.sendall(b"hello")
            read_exactly(connection, 5)
        with socks.connect(proxies["dummy"], plain.address) as connection:
            seen.append(connection.getsockname())
        nowhere = closed_port()
        for name, arguments in (("dummy", None), ("obfs4", bridge.arguments),
                                ("obfs4", {"cert": SECRET, "iat-mode": "0"})):
            with self.assertRaises(socks.Refused):
                socks.connect(proxies[name], nowhere, arguments)
        with dial(bridge.address) as prober:
            seen.append(prober.getsockname())
            prober.sendall(noise(9000, 61))
            prober.shutdown(1)
            prober.settimeout(5)
            self.assertEqual(prober.recv(1), b"")
        for child in (server, client):
            child.close_stdin()
            self.assertEqual(child.wait_exit(6), 0, child.transcript())
        return (server, client), [*seen, nowhere], [SECRET, bridge.arguments["cert"]]

    def test_no_peer_and_no_secret_is_named(self):
        for version, flags in (("1", []), ("2", []), ("2", ["-log-level", "debug"])):
            with self.subTest(version=version, flags=flags):
                children, endpoints, secrets = self.converse(flags, version)
                if flags:
                    self.assertIn("[scrubbed]", children[1].transcript(), "there was something to hide")
                for child in children:
                    said = [line for line in child.stdout if not child.is_configuration(line)] + child.stderr
                    for line in said:
                        for host, port in endpoints:
                            self.assertNotIn(f"{host}:{port}", line)
                            self.assertNotRegex(line, rf"\b{port}\b")
                        for secret in secrets:
                            self.assertNotIn(secret, line)

    def test_addresses_are_shown_to_who_asks_for_them_and_secrets_never(self):
        children, endpoints, secrets = self.converse(["-unsafe-logging", "-log-level", "debug"], "2")
        host, port = endpoints[-1]
        self.assertIn(f"{host}:{port}", children[1].transcript(), "the address that refused a connection")
        for child in children:
            for secret in secrets:
                self.assertNotIn(secret, "\n".join(child.stderr))


if __name__ == "__main__":
    pt.main()
