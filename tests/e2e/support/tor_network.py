"""A private Tor network on loopback: one authority, one exit, one bridge, one client, four tor processes.

The bridge and the client start the pluggable transport under test, as tor does for everybody.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

from support.peers import LOOPBACK
from support.pt import Child, bare_environment, temp_dir, wait_until, on_exit

TOR = shutil.which("tor") or "/usr/bin/tor"
TOR_GENCERT = shutil.which("tor-gencert") or "/usr/bin/tor-gencert"
PASSPHRASE = b"only for a test\n"


def free_ports(amount):
    """Ports that are free now; held together so that they differ."""
    held = [socket.create_server((LOOPBACK, 0)) for _ in range(amount)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


class Tor:
    """One tor process with its own folder, torrc and log."""

    def __init__(self, owner, folder, name, lines):
        self.folder = folder / name
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.log = self.folder / "log"
        self.name = name
        self._owner = owner
        self._torrc = self.folder / "torrc"
        self._torrc.write_text("\n".join([f"DataDirectory {self.folder}",
                                          f"Log [net,general]debug [~net,~general]info file {self.log}",
                                          f"Nickname {name}", *lines]) + "\n")
        self._torrc.chmod(0o600)
        self.process = None

    def command(self, *more):
        return [TOR, "-f", str(self._torrc), "--defaults-torrc", "/dev/null", *more]

    def start(self):
        self.process = Child(self.command("--hush"), bare_environment() | {"HOME": str(self.folder)}, cwd=self.folder)
        on_exit(self._owner, self.process.end)

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def expect(self, pattern, timeout):
        """The match of a line in the log."""
        def look():
            match = re.search(pattern, self.said())
            if match or not self.process.is_running():
                return match or "ended"
            return None
        try:
            match = wait_until(look, timeout, f"{pattern!r} in the log of {self.name}")
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.complaints()}") from None
        if match == "ended":
            raise AssertionError(f"{self.name} ended:\n{self.process.transcript()}\n{self.complaints()}")
        return match

    def complaints(self):
        return "\n".join(re.findall(r".*\[(?:warn|err|notice)\].*", self.said())[-40:])

    def hang_up(self):
        self.process.signal(signal.SIGHUP)

    def transports(self):
        """The pids of the pluggable transports that this tor has started."""
        return self.process.children()


class TorNetwork:
    """Builds it, starts it, and waits until the client has bootstrapped."""

    def __init__(self, owner, transport_program, transports=("obfs4",)):
        self._owner = owner
        self.folder = temp_dir(owner)
        self._program = transport_program
        self._transports = transports
        (self.authority_or, self.authority_dir, self.exit_or, self.bridge_or, self.socks,
         *ports) = free_ports(5 + len(transports))
        self.bridge_ports = dict(zip(transports, ports))

    def _common(self):
        return ["TestingTorNetwork 1", f"DirAuthority {self._authority_line}", "AssumeReachable 1",
                "PathsNeededToBuildCircuits 0.25",
                "TestingDirAuthVoteGuard *", "TestingDirAuthVoteHSDir *", "TestingMinExitFlagThreshold 0",
                "TestingMinFastFlagThreshold 0",
                "V3AuthNIntervalsValid 20", "EnforceDistinctSubnets 0", "ExtendAllowPrivateAddresses 1",
                "ClientRejectInternalAddresses 0",
                "ClientDNSRejectInternalAddresses 0", "ShutdownWaitLength 0", "SafeLogging 0",
                f"__OwningControllerProcess {os.getpid()}",
                "RunAsDaemon 0"]

    def _relay(self, or_port):
        return [*self._common(), f"ORPort {LOOPBACK}:{or_port}", f"Address {LOOPBACK}", "SocksPort 0",
                "ContactInfo x@example.test"]

    def _authority_lines(self):
        return [*self._relay(self.authority_or), f"DirPort {LOOPBACK}:{self.authority_dir}", "AuthoritativeDirectory 1",
                "V3AuthoritativeDirectory 1", "TestingV3AuthInitialVotingInterval 10",
                "TestingV3AuthInitialVoteDelay 2",
                "TestingV3AuthInitialDistDelay 2", "V3AuthVotingInterval 10", "V3AuthVoteDelay 2", "V3AuthDistDelay 2",
                "ExitRelay 0"]

    def _make_authority(self):
        keys = self.folder / "auth" / "keys"
        keys.mkdir(mode=0o700, parents=True)
        keys.parent.chmod(0o700)
        subprocess.run([TOR_GENCERT, "--create-identity-key", "-m", "12", "-a", f"{LOOPBACK}:{self.authority_dir}",
                        "--passphrase-fd", "0",
                        "-i", keys / "authority_identity_key", "-s", keys / "authority_signing_key", "-c",
                        keys / "authority_certificate"],
                       input=PASSPHRASE, check=True, capture_output=True, timeout=60, cwd=keys)
        v3ident = re.search(r"(?m)^fingerprint (\w+)$", (keys / "authority_certificate").read_text())[1]
        place = f"{LOOPBACK}:{self.authority_dir}"
        self._authority_line = f"auth orport={self.authority_or} v3ident={v3ident} {place} {'0' * 40}"
        draft = Tor(self._owner, self.folder, "auth", self._authority_lines())
        told = subprocess.run(draft.command("--list-fingerprint", "--quiet"), check=True, capture_output=True,
                              timeout=60, text=True)
        fingerprint = re.search(r"(?m)^auth ([0-9A-F ]+)$", told.stdout)[1].replace(" ", "")
        self._authority_line = self._authority_line.replace("0" * 40, fingerprint)
        return Tor(self._owner, self.folder, "auth", self._authority_lines())

    def start(self):
        """Starts all four; returns once the client is at 100 %."""
        self.start_relays()
        self.client = self.start_client("client", self.socks)
        self.client.expect(r"Bootstrapped 100%", 90)

    def start_relays(self):
        """Starts the three that clients need."""
        self.authority = self._make_authority()
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {LOOPBACK}\n")
        self.exit = Tor(self._owner, self.folder, "exit", [
            *self._relay(self.exit_or), "DirCache 0", "ExitRelay 1", "ExitPolicyRejectPrivate 0",
            "ExitPolicyRejectLocalInterfaces 0",
            "ExitPolicy accept *:*", f"ServerDNSResolvConfFile {resolver}"])
        self.bridge = Tor(self._owner, self.folder, "bridge", [
            *self._relay(self.bridge_or), "BridgeRelay 1", "PublishServerDescriptor 0", "ExitRelay 0", "ExtORPort auto",
            f"ServerTransportPlugin {','.join(self._transports)} exec {self._program}",
            *(f"ServerTransportListenAddr {name} {LOOPBACK}:{port}" for name, port in self.bridge_ports.items())])
        self.authority.start()
        self.exit.start()
        # A bridge or client that finds no consensus, or one with a relay missing, asks again only after a long while.
        wait_until(self._relays_are_known, 90, "a consensus that lists both relays")
        self.bridge.start()
        for name, port in self.bridge_ports.items():
            self.bridge.expect(r"Registered server transport '%s' at '127\.0\.0\.1:%d'" % (name, port), 30)
        self._wait_for_exits(self.exit)
        self._wait_for_exits(self.bridge)
        fingerprint = (self.bridge.folder / "fingerprint").read_text().split()[1]
        self._bridge_lines = {name: self._bridge_line(name, port, fingerprint)
                              for name, port in self.bridge_ports.items()}

    def _bridge_line(self, name, port, fingerprint):
        if name == "meek":
            # The transport knows where to go; the address only names the bridge.
            return f"Bridge meek_lite 192.0.2.3:1 {fingerprint} url=http://{LOOPBACK}:{port}/"
        told = self.bridge.expect(r"Got a line from managed proxy '[^']*': \(SMETHOD %s \S+(?: ARGS:(\S+))?\)" % name, 10)
        return f"Bridge {name} {LOOPBACK}:{port} {fingerprint} {(told[1] or '').replace(',', ' ')}"

    def start_client(self, name, socks, lines=(), over=None):
        """One more client, with lines of its own, whose SocksPort is `socks`; does not wait for it. `over` names the
        transports over which it knows the bridge, all of them unless told."""
        names = [line.split()[1] for line in self._bridge_lines.values()]
        client = Tor(self._owner, self.folder, name, [
            *self._common(), "UseBridges 1", "ConfluxEnabled 0", f"SocksPort {LOOPBACK}:{socks}",
            f"ClientTransportPlugin {','.join(names)} exec {self._program}",
            *(self._bridge_lines[transport] for transport in over or self._transports), *lines])
        client.start()
        return client

    def _relays_are_known(self):
        """Whether the authority's consensus lists both relays as running, and the exit as one."""
        address = f"http://{LOOPBACK}:{self.authority_dir}/tor/status-vote/current/consensus-microdesc"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5) as answer:
                consensus = answer.read().decode("latin-1")
        except OSError:
            time.sleep(0.2)
            return False
        flags = {}
        for line in consensus.splitlines():
            words = line.split(" ")
            if words[0] == "r":
                flags[words[1]] = relay = []
            elif words[0] == "s" and flags:
                relay += words[1:]
        return "Running" in flags.get("auth", []) and {"Running", "Exit"} <= set(flags.get("exit", []))

    def _wait_for_exits(self, tor):
        """A relay learns late of a consensus in which there is an exit; a reload makes it look again."""
        for _ in range(20):
            try:
                tor.expect(r"consensus contains exit nodes", 3)
                return
            except AssertionError as failure:
                if not tor.process.is_running():
                    raise
                told = failure
                tor.hang_up()
        raise told

    def everybody(self):
        return [self.client, self.bridge, self.exit, self.authority]

    def stop(self):
        for tor in self.everybody():
            tor.process.signal(signal.SIGTERM)
        for tor in self.everybody():
            tor.process.wait_exit(20)
