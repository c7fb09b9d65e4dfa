"""What stories of the ssh transport need: an unprivileged account, and a parent that carries messages."""
import hashlib
import os
import pathlib
import pwd
import shutil
import threading

from support import pt, users

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def why_not():
    """Why these stories cannot run here; empty when they can."""
    if not SSHD or not shutil.which("ssh") or not shutil.which("ssh-keygen"):
        return "OpenSSH is not installed"
    if not account():
        return "there is no unprivileged account that sshd would let in"
    return ""


def account():
    """The account for server and client: our own, or for root one that is never locked for sshd."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("daemon", "games", "_apt", "mail"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return found
    return None


def state_in(directory, name):
    user = account()
    return users.state_of(user.pw_uid, user.pw_gid, directory, name)


def as_account(command):
    """The command, run by the account."""
    user = account()
    return users.as_user(user.pw_uid, user.pw_gid, command)


def start(owner, program, settings, flags=()):
    """A ptproxy of the account. setpriv becomes it by exec, so that the process id is its own."""
    environment = pt.bare_environment() | {"TOR_PT_" + key: str(value) for key, value in settings.items()
                                            if value is not None}
    child = pt.Transport(as_account([str(program), *flags]), environment, cwd="/")
    pt.on_exit(owner, child.end)
    return child


def descendants(pid):
    """All living processes below this one."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[0] not in "ZX" and int(words[1]) == pid:
            child = int(status.parent.name)
            found += [child, *descendants(child)]
    return found


def line_of(keyword, transport, payload):
    identity = hashlib.sha256(f"{keyword} {transport} {payload}".encode()).hexdigest()[:16]
    return f"{keyword} {transport} {identity} {payload}"


def tell(child, line):
    child.stdin.write(line.encode() + b"\n")
    child.stdin.flush()


class Carrier:
    """The tiniest parent: carries messages from a client to a server and back, unchanged."""

    def __init__(self, client, server):
        for sender, receiver, keyword in ((client, server, "CMESSAGE"), (server, client, "SMESSAGE")):
            threading.Thread(target=self._carry, args=(sender, receiver, keyword), daemon=True).start()

    @staticmethod
    def _carry(sender, receiver, keyword):
        carried = 0
        while sender.is_running():
            lines = [line for line in sender.stdout if line.startswith(keyword + " ")]
            for line in lines[carried:]:
                tell(receiver, line)
            carried = len(lines)
            threading.Event().wait(0.05)
