#!/usr/bin/env python3
"""The smallest parent whose transports send messages: it starts a client and a server and carries what they say.

    example_parent.py ptproxy SERVER_APP_ADDRESS:PORT STATE_DIRECTORY

Client and server run on this machine here; between two machines, the lines travel by mail or chat instead. Each line is
carried unchanged: what one side prints is what the other side reads. It ends when its own stdin closes.
"""
import subprocess
import sys
import threading


def start(program, state, *flags):
    return subprocess.Popen([program, "-exit-on-stdin-close", "-state", state, *flags],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def carry(name, sender, receiver):
    """Shows what one side says, and passes its messages on."""
    for line in sender.stdout:
        print(f"{name}: {line}", end="", flush=True)
        if line.startswith(("CMESSAGE ", "SMESSAGE ")):
            receiver.stdin.write(line)
            receiver.stdin.flush()


def main(program, server_app, state):
    server = start(program, state + "/server", "-server", "-transports", "ssh", "-orport", server_app,
                   "-bindaddr", "ssh-127.0.0.1:0", "-options", "ssh:accept=auto")
    client = start(program, state + "/client", "-client", "-transports", "ssh")
    for name, sender, receiver in (("client", client, server), ("server", server, client)):
        threading.Thread(target=carry, args=(name, sender, receiver), daemon=True).start()
    sys.stdin.read()
    for child in (client, server):
        child.stdin.close()
        child.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
