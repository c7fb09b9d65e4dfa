"""How a configuration is read: flags over variables, roles, defaults, and where state is kept."""
import os
import re
import stat

from support import pt
from support.peers import closed_port
from support.pt import Story, server_settings, start, start_client, start_server, temp_dir

BOTH_VERSIONS = ("1", "2")


class Configuration(Story):
    def assert_environment_error(self, child, version):
        self.assertEqual(child.wait_exit(), 64, child.transcript())
        for_tor = version == "1"
        told = [line for line in child.lines("stdout" if for_tor else "stderr") if re.match(r"ENV-ERROR \S", line)]
        self.assertEqual(len(told), 1, child.transcript())
        self.assertEqual(child.configuration(), told if for_tor else ["VERSION 2"] if version == "2" else [],
                         child.transcript())
        other = child.stderr if for_tor else child.stdout
        self.assertFalse([line for line in other if "ENV-ERROR" in line], child.transcript())

    def test_both_roles_at_once_are_refused(self):
        for version in BOTH_VERSIONS:
            child = start_client(self, "dummy", version=version, SERVER_TRANSPORTS="dummy", ORPORT="127.0.0.1:9")
            self.assert_environment_error(child, version)

    def test_a_role_flag_settles_it(self):
        child = start_client(self, "dummy", flags=["-client"], SERVER_TRANSPORTS="dummy", ORPORT="127.0.0.1:9")
        child.expect(r"^CMETHODS DONE$")
        child = start_client(self, "dummy", flags=["-server"], SERVER_TRANSPORTS="dummy", ORPORT="127.0.0.1:9")
        child.expect(r"^SMETHODS DONE$")

    def test_no_role_is_refused(self):
        for version in BOTH_VERSIONS:
            child = start(self, {"MANAGED_TRANSPORT_VER": version, "STATE_LOCATION": temp_dir(self)})
            self.assert_environment_error(child, version)

    def test_a_server_needs_a_server_app(self):
        for version in BOTH_VERSIONS:
            self.assert_environment_error(start_server(self, None, "dummy", version=version), version)

    def test_an_extended_orport_needs_its_cookie(self):
        for version in BOTH_VERSIONS:
            child = start_server(self, None, "dummy", version=version, EXTENDED_SERVER_PORT="127.0.0.1:9")
            self.assert_environment_error(child, version)

    def test_environment_without_a_version_list_is_refused(self):
        for version in (None, ""):
            child = start_client(self, "dummy", version=version)
            self.assert_environment_error(child, None)

    def test_an_empty_value_is_an_unset_value(self):
        child = start_client(self, "dummy", PROXY="", SERVER_TRANSPORTS="")
        child.methods()
        self.assertEqual(len(child.configuration()), 3, child.transcript())
        child = start_server(self, closed_port(), "dummy", EXTENDED_SERVER_PORT="", AUTH_COOKIE_FILE="",
                             SERVER_TRANSPORT_OPTIONS="", CLIENT_TRANSPORTS="")
        self.assertIn("dummy", child.methods())
        child = start_server(self, closed_port(), "dummy", SERVER_BINDADDR="")
        self.assertIn("dummy", child.methods())
        child = start_client(self, "dummy", flags=["-proxy="])
        child.methods()
        self.assertNotIn("PROXY DONE", child.stdout)

    def test_flags_alone_mean_version_2(self):
        child = start(self, flags=["-transports", "dummy", "-state", temp_dir(self)])
        child.methods()
        self.assertEqual(child.configuration()[0], "VERSION 2")
        self.assertEqual(child.configuration()[-1], "CMETHODS DONE")
        orport = "%s:%d" % closed_port()
        for more in (["-orport", orport, "-bindaddr", "dummy-127.0.0.1:0"], ["-server", "-target", orport],
                     ["-orport", orport]):
            child = start(self, flags=["-transports", "dummy", "-state", temp_dir(self), *more])
            child.methods()
            self.assertEqual(child.configuration()[-1], "SMETHODS DONE")

    def test_a_flag_overrides_its_variable(self):
        state = temp_dir(self) / "by-flag"
        child = start_client(self, "obfs4", version="1", PROXY="gopher://x", STATE_LOCATION="/dev/null/nowhere",
                             flags=["-version", "2", "-transports", "dummy", "-proxy", "http://127.0.0.1:9", "-state",
                                    state])
        child.methods()
        self.assertEqual(child.configuration()[:2], ["VERSION 2", "PROXY DONE"])
        self.assertEqual(list(child.methods()), ["dummy"])
        self.assertTrue(state.is_dir())
        wanted = "%s:%d" % closed_port()
        child = start_server(self, closed_port(), "dummy", SERVER_BINDADDR="dummy-nonsense",
                             flags=["-bindaddr", f"dummy-{wanted}"])
        self.assertEqual(child.method("dummy").address, pt.parse_address(wanted))

    def test_flags_come_in_four_spellings(self):
        for spelling in (["-transports", "dummy"], ["-transports=dummy"], ["--transports", "dummy"],
                         ["--transports=dummy"]):
            with self.subTest(spelling=spelling):
                child = start(self, flags=[*spelling, "-ptversion=1", "--state", temp_dir(self)])
                self.assertEqual(list(child.methods()), ["dummy"])
                self.assertEqual(child.configuration()[0], "VERSION 1")
        child = start(self,
                      flags=["-version=2.1", "-exit-on-stdin-close", "-transports=dummy", f"-state={temp_dir(self)}"])
        self.assertIn("dummy", child.methods())
        self.stop(child)
        child = start(self,
                      flags=["-version", "2", "-exit-on-stdin-close=0", "-transports=dummy",
                             f"-state={temp_dir(self)}"])
        child.methods()
        child.close_stdin()
        child.assert_stays(0.5)

    def test_bare_version_prints_the_version(self):
        for flag in ("-version", "--version"):
            child = start(self, flags=[flag])
            self.assertEqual(child.wait_exit(), 0, child.transcript())
            self.assertEqual(len(child.stdout), 1)
            self.assertRegex(child.stdout[0], r"^ptproxy \d+\.\d+(\.\d+)?")
            self.assertEqual(child.stderr, [])
        child = start_client(self, "dummy", flags=["-version"])
        self.assertEqual(child.wait_exit(), 0, child.transcript())


class State(Story):
    def modes(self, top):
        return {path: stat.S_IMODE(path.stat().st_mode) for path in [top, *top.rglob("*")]}

    def test_the_state_directory_is_private_and_made_with_its_parents(self):
        old = os.umask(0)
        try:
            top = temp_dir(self)
            state = top / "a" / "b"
            child = start_server(self, closed_port(), "obfs4", state=f"{state}/")
        finally:
            os.umask(old)
        child.method("obfs4")
        self.assertTrue(list(state.rglob("obfs4_state.json")), self.modes(top))
        for path, mode in self.modes(top / "a").items():
            self.assertEqual(mode, 0o700 if path.is_dir() else 0o600, path)

    def test_the_state_defaults_to_the_working_directory(self):
        where = temp_dir(self)
        child = start(self, flags=["-transports", "obfs4", "-bindaddr", "obfs4-127.0.0.1:0", "-orport", "127.0.0.1:9"],
                      cwd=where)
        child.method("obfs4")
        self.assertTrue((where / "obfs4_state.json").is_file(), list(where.rglob("*")))

    def test_nothing_is_written_outside_the_state_directory(self):
        where, home = temp_dir(self), temp_dir(self)
        environment = pt.bare_environment() | {"HOME": str(home), "TMPDIR": str(home)}
        for key, value in server_settings(temp_dir(self), closed_port(), "obfs4,dummy").items():
            environment["TOR_PT_" + key] = str(value)
        child = pt.Transport([pt.PTPROXY], environment, cwd=where)
        pt.on_exit(self, child.end)
        child.methods()
        self.stop(child)
        self.assertEqual([*where.rglob("*"), *home.rglob("*")], [])


if __name__ == "__main__":
    pt.main()
