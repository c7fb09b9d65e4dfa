#!/usr/bin/env python3
"""Fails when a source includes a floor that it must not see (docs/architecture.md draws the floors)."""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "base": {"base"},
    "crypto": {"crypto"},
    "wire": {"wire", "crypto"},
    "parent": {"parent", "crypto"},
    "io": {"io"},
    "transports": {"transports", "crypto", "wire", "io"},
    "proxy": {"proxy", "wire", "io"},
    "app": {"app", "parent", "io", "transports", "proxy"},
}
PURE = {"base", "crypto", "wire", "parent"}
LOOP_HEADERS = {"stream.h", "clock.h", "transport.h", "workers.h"}  # public headers that bring Asio along


def complaints(root):
    for path in sorted((root / "src").rglob("*.*")):
        parts = path.relative_to(root / "src").parts
        if len(parts) < 2:
            continue
        floor = parts[0]
        if floor not in MAY_INCLUDE:
            yield f"{path}: no such floor"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(root)}:{number}"
            house = re.match(r'\s*#include "(\w+)/(.+)"', line)
            public = re.match(r"\s*#include <ptproxy/(\w+\.h)>", line)
            if house and house[1] not in MAY_INCLUDE[floor]:
                yield f"{where}: {floor} must not include {house[1]}"
            if house and floor in ("transports", "proxy") and house[2] == "registry.h" and path.stem != "registry":
                yield f"{where}: only app may see the registry"
            if house and floor == "transports" and house[1] == "transports" and "/" in house[2]:
                if len(parts) < 3 or not house[2].startswith(parts[1] + "/"):
                    yield f"{where}: a transport must not include another transport"
            if floor in PURE and ("boost/asio" in line or (public and public[1] in LOOP_HEADERS)):
                yield f"{where}: {floor} must not know the event loop"
            if "spdlog" in line and line.lstrip().startswith("#include") and path.name != "log.cpp":
                yield f"{where}: spdlog stays in base/log.cpp"


if __name__ == "__main__":
    found = list(complaints(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) or "layers: every include looks downwards")
    sys.exit(bool(found))
