"""Malformed variables and flags: the right line, on the right stream, with the right exit code, and nothing else."""

from support import pt
from support.pt import Story, start, start_client, start_server, temp_dir

SECRET = "hunter2secret"


class BadInput(Story):
    def assert_refused(self, make, keyword="ENV-ERROR", code=64, silent_about=()):
        """`make(version)` starts a transport that must refuse, under both versions, each in its own way."""
        for version in ("1", "2"):
            child = make(version)
            self.assertEqual(child.wait_exit(), code, child.transcript())
            stream, other = ("stdout", "stderr") if version == "1" else ("stderr", "stdout")
            told = [line for line in child.lines(stream) if line.startswith(keyword + " ")]
            self.assertEqual(len(told), 1, child.transcript())
            self.assertFalse([line for line in child.lines(other) if "-ERROR" in line], child.transcript())
            greeted = version == "2" or keyword == "PROXY-ERROR"
            wanted = ([f"VERSION {version}"] if greeted else []) + (told if version == "1" else [])
            self.assertEqual(child.configuration(), wanted, child.transcript())
            self.assertRegex(told[0], r"\A[\x20-\x7e]*[\x21-\x7e]\Z")
            self.assertLess(len(told[0]), 4096)
            for secret in silent_about:
                self.assertNotIn(secret, child.transcript().split("\n", 1)[1])
            self.assert_clean_stdout(child)

    def client_with(self, **settings):
        return lambda version: start_client(self, "dummy", version=version, **settings)

    def server_with(self, **settings):
        return lambda version: start_server(self, ("127.0.0.1", 9), "dummy", version=version, **settings)


class Variables(BadInput):
    def test_malformed_bind_addresses(self):
        for value in ("dummy", "dummy-", "-127.0.0.1:0", "dummy-127.0.0.1", "dummy-127.0.0.1:", "dummy-127.0.0.1:99999",
                      "dummy-127.0.0.1:-1", "dummy-localhost:0", "dummy-256.1.1.1:0", "dummy-[::1:0",
                      "dummy-127.0.0.1:0,",
                      "dummy-127.0.0.1:0,dummy-127.0.0.1:0", "dummy-127.0.0.1:0x10", "dummy-127.0.0.1: 0",
                      "dummy-\xff\n\x01:1", "dummy-" + "1" * 20000):
            with self.subTest(value=value[:60]):
                self.assert_refused(self.server_with(SERVER_BINDADDR=value))

    def test_malformed_server_app_addresses(self):
        for value in ("x", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", ":9001", "127.0.0.1:9001:1", "[::1]",
                      "[::1]9001",
                      "127.0.0.1:9001 ", "127.0.0.1:+9"):
            with self.subTest(value=value):
                self.assert_refused(self.server_with(ORPORT=value))

    def test_malformed_extended_orports(self):
        cookie = temp_dir(self) / "cookie"
        for value in ("localhost:9001", "127.0.0.1:0", "127.0.0.1", "x"):
            with self.subTest(value=value):
                self.assert_refused(self.server_with(EXTENDED_SERVER_PORT=value, AUTH_COOKIE_FILE=cookie))

    def test_malformed_options(self):
        for value in ("dummy", "dummy:", "dummy:k", "dummy:=v", ":k=v", "dummy:k=v;", "dummy:k=v;;dummy:a=b",
                      "dummy:k=v\\",
                      "k=v", ";", "{", '{"dummy":1}', '{"dummy":{"k":{"x":1}}}', '{"dummy":{"k":"v"}',
                      '{"dummy":{"k":"v"}} x'):
            with self.subTest(value=value):
                self.assert_refused(self.server_with(SERVER_TRANSPORT_OPTIONS=value))

    def test_well_formed_options_are_taken(self):
        for value in ("dummy:k=v", "dummy:k=", "dummy:k=a=b", r"dummy:k=a\;b\:c\\d\=e", "other:k=v;dummy:a=b",
                      "dummy:k=e,f:g",
                      '{"dummy":{"k":"v","n":1,"b":true}}', ' {"dummy":{}}', "{}"):
            with self.subTest(value=value):
                child = start_server(self, ("127.0.0.1", 9), "dummy", SERVER_TRANSPORT_OPTIONS=value)
                self.assertIn("dummy", child.methods())
                child.end()

    def test_state_directories_that_cannot_be(self):
        in_the_way = temp_dir(self) / "file"
        in_the_way.write_text("x")
        for value in ("=/var/lib/x", in_the_way, in_the_way / "below"):
            with self.subTest(value=value):
                self.assert_refused(self.client_with(state=value))

    def test_malformed_upstream_proxies(self):
        for value in ("https://127.0.0.1:1", "socks4://127.0.0.1:1", "socks5h://127.0.0.1:1", "socks5://localhost:1",
                      "socks5://127.0.0.1:1/", "socks5://127.0.0.1:1?q", "socks5://127.0.0.1:1#f", "socks5://127.0.0.1",
                      "socks5://127.0.0.1:", "socks5://127.0.0.1:0", "socks5://127.0.0.1:70000", "socks5://:1",
                      "socks5://",
                      "127.0.0.1:1", "socks5:127.0.0.1:1", "socks5://::1:1", " socks5://127.0.0.1:1", "x",
                      f"socks5://{SECRET}@127.0.0.1:1", f"socks5://:{SECRET}@127.0.0.1:1",
                      f"socks5://{SECRET}:@127.0.0.1:1",
                      f"socks5://u:{SECRET * 30}@127.0.0.1:1", f"socks4a://u:{SECRET}@127.0.0.1:1",
                      "socks4a://u:@127.0.0.1:1",
                      f"socks5://u:%00{SECRET}@127.0.0.1:1", f"http://u:{SECRET}%0d%0a@127.0.0.1:1"):
            with self.subTest(value=value[:80]):
                self.assert_refused(self.client_with(PROXY=value), "PROXY-ERROR", 69, silent_about=[SECRET])

    def test_well_formed_upstream_proxies_are_taken(self):
        for value in ("socks5://127.0.0.1:1", "SOCKS5://127.0.0.1:1", "socks5://[::1]:1", "socks5://u:p@127.0.0.1:1",
                      "socks5://us:er@x:pa/s%s:w@127.0.0.1:8001", "socks4a://u@127.0.0.1:1", "socks4a://127.0.0.1:1",
                      "http://127.0.0.1:1", "http://u@127.0.0.1:1", "http://u:p@127.0.0.1:1", "http://:@127.0.0.1:1"):
            with self.subTest(value=value):
                child = start_client(self, "dummy", PROXY=value)
                child.methods()
                self.assertIn("PROXY DONE", child.stdout)
                child.end()

    def test_a_server_has_no_use_for_a_proxy(self):
        child = start_server(self, ("127.0.0.1", 9), "dummy", PROXY="socks5://127.0.0.1:1")
        child.methods()
        self.assertNotIn("PROXY DONE", child.stdout)


class Flags(BadInput):
    def assert_flag_error(self, *flags):
        child = start(self, flags=flags)
        self.assertEqual(child.wait_exit(), 64, child.transcript())
        self.assertEqual([line for line in child.stdout if not line.startswith("VERSION ")], [], child.transcript())
        self.assertEqual(len(child.stderr), 1, child.transcript())
        self.assertRegex(child.stderr[0], r"\A[\x20-\x7e]{8,}\Z")

    def test_unknown_flags_missing_values_and_stray_words(self):
        usual = ["-transports", "dummy"]
        for flags in (["-nosuch"], ["--nosuch=1"], [*usual, "-state"], [*usual, "stray"],
                      [*usual, "-exit-on-stdin-close=maybe"],
                      ["-transports"], [*usual, "-", "x"], [*usual, "-nosuch\xff\n"]):
            with self.subTest(flags=flags):
                self.assert_flag_error(*flags)

    def test_values_that_make_no_sense(self):
        usual = ["-transports", "dummy"]
        server = [*usual, "-server", "-orport", "127.0.0.1:9"]
        options = temp_dir(self) / "options"
        options.write_text("dummy:k=v")
        for flags in ([*usual, "-mode", "nosuch"], [*usual, "-mode", "socks5", "-udp"],
                      [*usual, "-mode", "STUN", "-transparent"],
                      [*server, "-options", "dummy:k=v", "-optionsFile", options],
                      [*server, "-optionsFile", f"{options}.missing"],
                      [*usual, "-proxylistenaddr", "localhost:0"], [*usual, "-proxylistenaddr", "x"],
                      [*usual, "-target", "127.0.0.1:9"], [*usual, "-drain-timeout", "soon"],
                      [*usual, "-drain-timeout", "-1"],
                      [*usual, "-udp-timeout", "x"], [*usual, "-client", "-server"],
                      [*usual, "-mode", "transparent-TCP", "-target", "127.0.0.1:x"],
                      [*usual, "-mode", "transparent-TCP", "-target", "127.0.0.1:9", "-options", "k"]):
            with self.subTest(flags=flags):
                self.assert_flag_error(*flags)


class StateFiles(Story):
    def test_a_state_file_that_is_no_state_is_told_and_left_alone(self):
        for content in ("", "{", "[]", '{"node-id":"00"}', '{"node-id":' + "[" * 5000):
            with self.subTest(content=content[:20]):
                state = temp_dir(self)
                (state / "obfs4_state.json").write_text(content)
                child = start_server(self, ("127.0.0.1", 9), "obfs4,dummy", state=state)
                self.assertEqual(list(child.methods()), ["dummy"])
                child.expect(r"^SMETHOD-ERROR obfs4 \S", "stderr", 3)
                self.stop(child)
                self.assertEqual((state / "obfs4_state.json").read_text(), content)

    def test_half_an_identity_in_the_options_is_refused(self):
        key, node, seed = "11" * 32, "22" * 20, "33" * 24
        for options in (f"private-key={key}", f"node-id={node};drbg-seed={seed}", f"private-key={key};node-id={node}",
                        f"private-key={key[2:]};node-id={node};drbg-seed={seed}",
                        f"private-key=zz{key[2:]};node-id={node};drbg-seed={seed}",
                        f"private-key={key};node-id={node}00;drbg-seed={seed}", "iat-mode=x", "iat-mode=",
                        "iat-mode=-1"):
            with self.subTest(options=options):
                prefixed = ";".join("obfs4:" + option for option in options.split(";"))
                child = start_server(self, ("127.0.0.1", 9), "obfs4,dummy", SERVER_TRANSPORT_OPTIONS=prefixed)
                self.assertEqual(list(child.methods()), ["dummy"])
                told = child.expect(r"^SMETHOD-ERROR obfs4 \S.*", "stderr", 3)[0]
                for secret in (key, seed, key[2:]):
                    self.assertNotIn(secret, told)
                child.end()


if __name__ == "__main__":
    pt.main()
