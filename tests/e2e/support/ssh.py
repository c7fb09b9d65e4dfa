"""What stories of the ssh transport need: an unprivileged account, and a parent that carries messages."""
import hashlib
import os
import pathlib
import pwd
import shutil
import threading

from support import pt

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


def unprivileged(owner):
    """(program, directory) as the account can use them."""
    user, directory = account(), pt.temp_dir(owner)
    program = directory / "ptproxy"
    shutil.copy(pt.PTPROXY, program)
    program.chmod(0o755)
    if os.geteuid() == 0:
        directory.chmod(0o755)
    return program, directory


def state_in(directory, name):
    state = directory / name
    state.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(state, account().pw_uid, account().pw_gid)
    return state


def as_account(command):
    """The command, run by the account."""
    if os.geteuid() != 0:
        return command
    user = account()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]


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
