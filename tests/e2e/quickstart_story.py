#!/usr/bin/env python3
"""The README's first command, as a newcomer runs it."""
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Quickstart(unittest.TestCase):
    def test_a_file_travels_and_nothing_is_left_behind(self):
        run = subprocess.run([ROOT / "scripts" / "quickstart"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=1400, cwd="/")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertRegex(run.stdout, r"100 %  100 MiB")
        self.assertRegex(run.stdout, r"Identical\. \d+ MiB/s through obfs4")
        self.assertRegex(run.stdout, r"Bridge obfs4 127\.0\.0\.1:\d+ cert=\S{70} iat-mode=0")
        self.assertIn("ServerTransportPlugin obfs4 exec", run.stdout)
        self.assertIn("ClientTransportPlugin obfs4 exec", run.stdout)
        program = str(ROOT / "build" / "quickstart" / "ptproxy")
        self.assertEqual([pid for pid in os.listdir("/proc") if pid.isdigit() and executable(pid) == program], [])


def executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


if __name__ == "__main__":
    unittest.main(verbosity=2)
