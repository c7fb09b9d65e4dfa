"""Arguments of a client by -options and -optionsFile: in each form, over SOCKS and in transparent mode, under what a
connection brings itself."""
import json
import unittest

from support import pt, socks
from support.peers import Acceptor, dial, echo, hears_end, noise, read_exactly, read_to_end
from support.pt import Story, start_client, start_server, temp_dir


class OptionsStory(Story):
    @classmethod
    def setUpClass(cls):
        cls.app = Acceptor(cls, echo)
        bridge = start_server(cls, cls.app.address, "obfs4").method("obfs4")
        cls.bridge, cls.arguments = bridge.address, dict(bridge.arguments)
        cls.plain = ";".join(f"{key}={value}" for key, value in cls.arguments.items())
        cls.forms = {
            "k=v;k=v": cls.plain,
            "name:k=v;name:k=v": ";".join(f"obfs4:{key}={value}" for key, value in cls.arguments.items()),
            "JSON": json.dumps(cls.arguments),
            "JSON with a number": json.dumps({**cls.arguments, "iat-mode": 0}),
            "JSON by name": json.dumps({"obfs4": cls.arguments, "dummy": {"x": "y"}}),
        }

    def given(self, text):
        """The flags that give this text, both ways."""
        file = temp_dir(self) / "options"
        file.write_text(text + "\n")
        return {"-options": ["-options", text], "-optionsFile": ["-optionsFile", str(file)]}

    def assert_echo(self, connection):
        data = noise(30000, 81)
        connection.settimeout(20)
        connection.sendall(data)
        self.assertEqual(read_exactly(connection, len(data)), data)


class Forms(OptionsStory):
    def test_each_form_serves_connections_without_arguments(self):
        for form, text in self.forms.items():
            for flag, flags in self.given(text).items():
                with self.subTest(form=form, flag=flag):
                    child = start_client(self, "obfs4,dummy", flags=flags)
                    methods = child.methods()
                    with socks.connect(methods["obfs4"].address, self.bridge) as connection:
                        self.assert_echo(connection)
                    with socks.connect4(methods["obfs4"].address, self.bridge) as connection:
                        self.assert_echo(connection)
                    with socks.connect(methods["dummy"].address, self.app.address) as connection:
                        self.assert_echo(connection)
                    self.stop(child)

    def test_each_form_serves_the_transparent_mode(self):
        target = "%s:%d" % self.bridge
        for form, text in self.forms.items():
            for flag, flags in self.given(text).items():
                with self.subTest(form=form, flag=flag):
                    child = start_client(self, flags=[*flags, "-mode", "transparent-TCP", "-target", target])
                    with dial(child.method("obfs4").address) as connection:
                        self.assert_echo(connection)
                    self.stop(child)

    def test_other_transports_options_are_not_ours(self):
        child = start_client(self, flags=["-options", self.forms["name:k=v;name:k=v"].replace("obfs4:", "obfs3:")])
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(child.method("obfs4").address, self.bridge)
        self.assertEqual(refused.exception.code, 1)

    def test_the_servers_variable_says_nothing_to_a_client(self):
        child = start_client(self, SERVER_TRANSPORT_OPTIONS="not for a client")
        with socks.connect(child.method("obfs4").address, self.bridge, self.arguments) as connection:
            self.assert_echo(connection)

    def test_malformed_texts_end_in_one_line(self):
        for text in ("cert", "cert=a;", '{"cert":', '{"cert":{"a":"b"},"x":"y"}', "obfs4:cert"):
            for flag, flags in self.given(text).items():
                with self.subTest(text=text, flag=flag):
                    child = start_client(self, flags=flags)
                    self.assertEqual(child.wait_exit(), 64, child.transcript())
                    child.expect(rf"^ENV-ERROR {flag}: ", "stderr")


class Merging(OptionsStory):
    def refused(self, proxy, arguments):
        silent = Acceptor(self, read_to_end)
        with self.assertRaises(socks.Refused) as refused:
            socks.connect(proxy, silent.address, arguments)
        self.assertEqual(silent.accepted, 0)
        return refused.exception.code

    def test_a_connection_s_own_arguments_come_first(self):
        wrong = f"cert={'A' * 69};iat-mode=7"
        proxy = start_client(self, flags=["-options", wrong]).method("obfs4").address
        with socks.connect(proxy, self.bridge, self.arguments) as connection:
            self.assert_echo(connection)
        self.assertEqual(self.refused(proxy, {"cert": self.arguments["cert"]}), 1)  # iat-mode is still the common one
        self.assertEqual(self.refused(proxy, {"iat-mode": "0"}), 1)
        self.assertEqual(self.refused(proxy, None), 1)

    def test_they_are_merged_key_by_key(self):
        proxy = start_client(self, flags=["-options", f"cert={self.arguments['cert']}"]).method("obfs4").address
        for mode in "012":
            with socks.connect(proxy, self.bridge, {"iat-mode": mode}) as connection:
                self.assert_echo(connection)
        self.assertEqual(self.refused(proxy, {"iat-mode": "3"}), 1)
        self.assertEqual(self.refused(proxy, None), 1)

    def test_the_transparent_mode_has_no_others(self):
        silent = Acceptor(self, read_to_end)
        child = start_client(self, flags=["-options", "iat-mode=0", "-mode", "transparent-TCP", "-target", "%s:%d" % silent.address])
        with dial(child.method("obfs4").address) as connection:
            connection.sendall(b"hello")
            self.assertTrue(hears_end(connection, 10))
        self.assertEqual(silent.accepted, 0)


if __name__ == "__main__":
    pt.main()
