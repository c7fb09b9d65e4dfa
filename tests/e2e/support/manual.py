"""Takes the examples out of a page, so that a story runs what a reader would type."""
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Page:
    """The named code blocks of a page: those that begin with a language and a name."""

    def __init__(self, name):
        text = (ROOT / name).read_text()
        self._blocks = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", text, re.M | re.S))
        self._unused = set(self._blocks)

    def block(self, name, words=None):
        """The text of a block, with some of its words replaced; every one of them must be there."""
        self._unused.discard(name)
        text = self._blocks[name]
        for old, new in (words or {}).items():
            if old not in text:
                raise AssertionError(f"the page does not say {old!r}:\n{text}")
            text = text.replace(old, str(new))
        return text

    def commands(self, name, words=None):
        """The commands of a block as lists of words."""
        text = self.block(name, words).replace("\\\n", " ")
        return [shlex.split(line) for line in text.splitlines() if line.strip()]

    def unused(self, prefix):
        return sorted(name for name in self._unused if name.startswith(prefix))
