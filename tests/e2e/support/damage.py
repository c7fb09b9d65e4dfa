"""One bit that changes on the way: what every transport with integrity has to notice."""
import threading

from support import pt, socks
from support.peers import Acceptor, Wire, hears_end, noise


def assert_a_flipped_bit_ends_the_connection(case, begin, seed):
    """`begin(app)` gives a client's SOCKS address, the bridge's address, and the arguments for it."""
    got, over, armed = [], threading.Event(), []

    def note(connection):
        try:
            while piece := connection.recv(65536):
                got.append(piece)
        finally:
            over.set()

    def flip(direction, offset, piece):
        if direction == "up" and armed and len(piece) > 200:
            armed.clear()
            return piece[:150] + bytes([piece[150] ^ 4]) + piece[151:]
        return piece

    data = noise(100000, seed)
    proxy, bridge, arguments = begin(Acceptor(case, note))
    wire = Wire(case, bridge, flip)
    with socks.connect(proxy, wire.address, arguments) as connection:
        connection.sendall(b"sound")
        pt.wait_until(lambda: got, 5, "the sound part")
        armed.append(True)
        connection.sendall(data)
        case.assertTrue(over.wait(10), "the application's end")
        case.assertTrue(hears_end(connection, 10), "the client's end")
    heard = b"".join(got)
    case.assertTrue((b"sound" + data).startswith(heard), "nothing altered came through")
    case.assertLess(len(heard), 5 + len(data))
