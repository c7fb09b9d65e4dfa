"""SOCKS as raw bytes, both ends: a client for the transport's listener, and upstream proxies for it to use."""
import ipaddress
import socket
import struct

from support.peers import dial, read_exactly


class Refused(AssertionError):
    """The proxy answered with something else than success; `code` is what it said."""

    def __init__(self, code):
        super().__init__(f"SOCKS answer {code:#04x}")
        self.code = code


def request(address, command=1):
    """A SOCKS5 request for an address or a name."""
    host, port = address[0], address[1]
    try:
        ip = ipaddress.ip_address(host)
        body = bytes([1 if ip.version == 4 else 4]) + ip.packed
    except ValueError:
        body = bytes([3, len(host)]) + host.encode()
    return bytes([5, command, 0]) + body + struct.pack(">H", port)


def escape(text):
    return "".join("\\" + letter if letter in "\\=;" else letter for letter in text)


def pack_arguments(arguments):
    """{key: value} as the PT specification writes it, k=v;k=v."""
    return ";".join(f"{escape(key)}={escape(value)}" for key, value in arguments.items())


def password_frame(text):
    """The RFC 1929 frame that carries per-connection arguments."""
    raw = text.encode("latin-1")
    name, password = raw[:255], raw[255:] or b"\0"
    return bytes([1, len(name)]) + name + bytes([len(password)]) + password


def connect(proxy, target, arguments=None, timeout=75):
    """A connection through the SOCKS5 listener `proxy`; raises Refused with the reply code."""
    connection = dial(proxy, timeout)
    try:
        connection.sendall(b"\x05\x01\x02" if arguments else b"\x05\x01\x00")
        chosen = read_exactly(connection, 2)
        if chosen != (b"\x05\x02" if arguments else b"\x05\x00"):
            raise Refused(chosen[1])
        if arguments:
            connection.sendall(password_frame(pack_arguments(arguments)))
            answer = read_exactly(connection, 2)
            if answer != b"\x01\x00":
                raise Refused(answer[1])
        connection.sendall(request(target))
        reply = read_exactly(connection, 10)
        if reply[:2] != b"\x05\x00":
            raise Refused(reply[1])
        return connection
    except BaseException:
        connection.close()
        raise


def connect4(proxy, target, userid=b"", name=b"", timeout=75):
    """The same over SOCKS4, or SOCKS4a when a name is given."""
    connection = dial(proxy, timeout)
    try:
        place = b"\0\0\0\x07" if name else socket.inet_aton(target[0])
        connection.sendall(b"\x04\x01" + struct.pack(">H", target[1]) + place + userid + b"\0"
                           + (name + b"\0" if name else b""))
        reply = read_exactly(connection, 8)
        if reply[:2] != b"\x00\x5a":
            raise Refused(reply[1])
        return connection
    except BaseException:
        connection.close()
        raise
