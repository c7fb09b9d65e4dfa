"""Whom a process is connected to, as the kernel tells it."""
import ipaddress
import os
import pathlib
import re

LISTEN = 0x0A


def _address(text):
    host, port = text.split(":")
    words = [bytes.fromhex(host[at:at + 8])[::-1] for at in range(0, len(host), 8)]
    return str(ipaddress.ip_address(b"".join(words))), int(port, 16)


def dialled_by(pid):
    """The remote ends of the TCP sockets that the process did not accept on a listener of its own."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.match(r"socket:\[(\d+)\]", os.readlink(descriptor))
        except FileNotFoundError:
            continue
        if found:
            inodes.add(found[1])
    listening, remotes = set(), []
    for table in ("tcp", "tcp6"):
        for row in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = row.split()
            if words[9] not in inodes:
                continue
            local, remote = _address(words[1]), _address(words[2])
            if int(words[3], 16) == LISTEN:
                listening.add(local[1])
            else:
                remotes.append((local[1], remote))
    return {remote for port, remote in remotes if port not in listening}
