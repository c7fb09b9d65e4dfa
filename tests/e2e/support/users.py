"""Programs run by somebody else, where we are root; by ourselves where we are not."""
import os
import shutil

from support import pt


def program_for_all(owner):
    """(program, directory) as every user can use them."""
    directory = pt.temp_dir(owner)
    program = directory / "ptproxy"
    shutil.copy(pt.PTPROXY, program)
    program.chmod(0o755)
    if os.geteuid() == 0:
        directory.chmod(0o755)
    return program, directory


def state_of(uid, gid, directory, name):
    """A new state directory that belongs to the user."""
    state = directory / name
    state.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(state, uid, gid)
    return state


def as_user(uid, gid, command):
    """The command, run by the user."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *command]
