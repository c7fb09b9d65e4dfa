"""ScrambleSuit: Debian's obfs4proxy as client (it has no server), and ours at both ends.

Tickets are told from UniformDH by the first 112 bytes on the wire: a ticket travels as it stands in the client's file.
"""
import base64
import json
import os
import stat
import threading
import time

from support import pt, socks
from support.damage import assert_a_flipped_bit_ends_the_connection
from support.obfs4_wire import let_the_hour_turn
from support.peers import (Acceptor, BulkApp, Wire, dial, echo, exchange, noise, read_exactly, read_to_end,
                           sha256)
from support.pt import OBFS4PROXY, PTPROXY, Story, start_client, start_server, temp_dir
from support.scramblesuit_wire import SMALLEST_ANSWER, TICKET_SIZE, hello

MIB = 1 << 20
WEEK = 7 * 24 * 3600
TICKETS, STATE = "scramblesuit_tickets.json", "scramblesuit_state.json"
CLIENTS = {"obfs4proxy": OBFS4PROXY, "ptproxy": PTPROXY}
# As in obfs4: the first 24 bytes of this seed give a closing delay of 1 s.
SEED_OF_ONE_SECOND = "6b92597653ced5dad1dda13c38a83cb12b556b9b9d0eef86" + "00" * 8
CLOSING_TIME = 31.0


def kept_tickets(state):
    """{bridge: (ticket, time)} of a client's file."""
    path = state / TICKETS
    rows = json.loads(path.read_text()) if path.exists() else {}
    return {bridge: (base64.b32decode(row["key-ticket"])[32:], row["issuedAt"]) for bridge, row in rows.items()}


def kept_ticket(state, bridge):
    ticket, _ = kept_tickets(state).get("%s:%d" % tuple(bridge), (None, 0))
    return ticket


class ScrambleSuitStory(Story):
    def serve(self, app, state=None, options=None, bind=None):
        more = {"SERVER_BINDADDR": bind} if bind else {}
        self.server = start_server(self, app.address, "scramblesuit", state=state, SERVER_TRANSPORT_OPTIONS=options, **more)
        bridge = self.server.method("scramblesuit")
        return bridge.address, dict(bridge.arguments)

    def client(self, program, state=None):
        self.last_client = start_client(self, "scramblesuit", program=program, state=state)
        return self.last_client.method("scramblesuit").address

    def end_client(self):
        self.last_client.close_stdin()
        self.last_client.wait_exit(6)

    def say_hello(self, proxy, bridge, arguments, timeout=75):
        with socks.connect(proxy, bridge, arguments, timeout) as connection:
            connection.settimeout(10)
            connection.sendall(b"hello")
            self.assertEqual(read_exactly(connection, 5), b"hello")

    def wait_for_ticket(self, state, bridge, other_than=None):
        return pt.wait_until(lambda: kept_ticket(state, bridge) not in (None, other_than) and kept_ticket(state, bridge),
                             5, "a new ticket")


class Bulk(ScrambleSuitStory):
    def test_64_mib_each_way(self):
        down, up = noise(64 * MIB, 61), noise(64 * MIB, 62)
        for name, program in CLIENTS.items():
            with self.subTest(client=name):
                app = BulkApp(self, down, len(up))
                bridge, arguments = self.serve(app)
                with socks.connect(self.client(program), bridge, arguments) as connection:
                    connection.settimeout(60)
                    self.assertEqual(exchange(connection, up, len(down)), sha256(down))
                    self.assertEqual(app.digest(), sha256(up))


class Handshakes(ScrambleSuitStory):
    def test_every_one_of_many_key_agreements_succeeds(self):
        # Each address of 127/8 is another bridge to the client, for which it has no ticket.
        app = Acceptor(self, echo)
        for name, program in CLIENTS.items():
            with self.subTest(client=name):
                bridge, arguments = self.serve(app, bind="scramblesuit-0.0.0.0:0")
                proxy, state = None, temp_dir(self)
                proxy = self.client(program, state)
                for number in range(1, 151):
                    with socks.connect(proxy, (f"127.0.1.{number}", bridge[1]), arguments) as connection:
                        data = noise(1 + number * 17 % 3000, number)
                        connection.sendall(data)
                        self.assertEqual(read_exactly(connection, len(data)), data)
                pt.wait_until(lambda: len(kept_tickets(state)) == 150, 5, "a ticket of each")

    def test_no_segment_ends_where_obfs4proxy_falls_over(self):
        # A first segment of 1448 bytes, as on most networks, and then a rest. Its client fails, or dies, when the segment
        # ends in the last 16 bytes of the server's hello.
        app = Acceptor(self, echo)
        bridge, arguments = self.serve(app)
        proxy = self.client(OBFS4PROXY)
        for number in range(150):
            wire = Wire(self, bridge, slice_size=1448)
            self.say_hello(proxy, wire.address, arguments)
            wire.close()
        self.assertTrue(self.last_client.is_running())

    def test_hellos_and_messages_in_small_pieces(self):
        app = Acceptor(self, echo)
        bridge, arguments = self.serve(app)
        for size in (7, 61):
            state = temp_dir(self)
            proxy = self.client(PTPROXY, state)
            wire = Wire(self, bridge, slice_size=size)
            for _ in range(2):  # UniformDH, then a ticket
                with socks.connect(proxy, wire.address, arguments) as connection:
                    data = noise(3000, 63)
                    connection.sendall(data)
                    self.assertEqual(read_exactly(connection, len(data)), data)

    def test_a_server_app_that_speaks_first_is_heard_at_once(self):
        app = Acceptor(self, lambda connection: (connection.sendall(b"220 welcome\r\n"), connection.recv(1)))
        bridge, arguments = self.serve(app)
        for name, program in CLIENTS.items():
            proxy = self.client(program)
            for _ in range(5):
                with self.subTest(client=name), socks.connect(proxy, bridge, arguments) as connection:
                    connection.settimeout(5)
                    self.assertEqual(read_exactly(connection, 13), b"220 welcome\r\n")

    def test_passwords_as_people_write_them(self):
        app = Acceptor(self, echo)
        bridge, arguments = self.serve(app, options="scramblesuit:password=gm6s3pmhauzhjezeyyukqfwghgfnmqsc")
        self.assertEqual(arguments["password"], "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC")
        self.say_hello(self.client(PTPROXY), bridge, {"password": "gm6s3pmhauzhjezeyyukqfwghgfnmqsc"})


class Tickets(ScrambleSuitStory):
    def setUp(self):
        self.app = Acceptor(self, echo)
        self.server_state = temp_dir(self)
        self.bridge, self.arguments = self.serve(self.app, self.server_state)

    def restart_server(self, change=None):
        """The same bridge on the same port, perhaps with a change to its state."""
        self.stop(self.server)
        if change:
            path = self.server_state / STATE
            state = json.loads(path.read_text())
            change(state)
            path.write_text(json.dumps(state))
        again, arguments = self.serve(self.app, self.server_state, bind="scramblesuit-%s:%d" % tuple(self.bridge))
        self.assertEqual((again, arguments), (self.bridge, self.arguments))

    def test_uniform_dh_first_and_then_each_new_ticket(self):
        for name, program in CLIENTS.items():
            with self.subTest(client=name):
                state = temp_dir(self)
                wire = Wire(self, self.bridge)
                self.say_hello(self.client(program, state), wire.address, self.arguments)
                ticket = self.wait_for_ticket(state, wire.address)
                for restart in (False, False, True):
                    if restart:
                        self.end_client()
                    proxy = self.client(program, state) if restart else self.last_client.method("scramblesuit").address
                    self.say_hello(proxy, wire.address, self.arguments)
                    self.assertEqual(wire.first_up[-1][:TICKET_SIZE], ticket)
                    ticket = self.wait_for_ticket(state, wire.address, ticket)
                self.assertEqual(len(wire.first_up), 4)
                self.assertEqual(stat.S_IMODE((state / TICKETS).stat().st_mode), 0o600)

    def test_a_restarted_server_still_opens_its_tickets(self):
        for name, program in CLIENTS.items():
            with self.subTest(client=name):
                state = temp_dir(self)
                proxy = self.client(program, state)
                self.say_hello(proxy, self.bridge, self.arguments)
                self.wait_for_ticket(state, self.bridge)
                self.restart_server()
                began = time.monotonic()
                self.say_hello(proxy, self.bridge, self.arguments)
                self.assertLess(time.monotonic() - began, 5)

    def age_tickets(self, path, by):
        rows = json.loads(path.read_text())
        for row in rows.values():
            row["issuedAt"] -= by
        path.write_text(json.dumps(rows, separators=(",", ":"), sort_keys=True))

    def test_an_expired_ticket_falls_back_to_uniform_dh(self):
        for name, program in CLIENTS.items():
            with self.subTest(client=name):
                state = temp_dir(self)
                wire = Wire(self, self.bridge)
                self.say_hello(self.client(program, state), wire.address, self.arguments)
                ticket = self.wait_for_ticket(state, wire.address)
                self.end_client()
                self.age_tickets(state / TICKETS, WEEK)
                self.say_hello(self.client(program, state), wire.address, self.arguments)
                self.assertEqual(len(wire.first_up), 2)
                self.assertNotEqual(wire.first_up[-1][:TICKET_SIZE], ticket)
                self.wait_for_ticket(state, wire.address, ticket)

    def test_keys_of_the_week_before_still_open_tickets(self):
        def age_by(seconds):
            def change(state):
                state["ticket-keys"]["created"] -= seconds
            return change

        state = temp_dir(self)
        wire = Wire(self, self.bridge)
        self.say_hello(self.client(OBFS4PROXY, state), wire.address, self.arguments)
        ticket = self.wait_for_ticket(state, wire.address)
        self.restart_server(age_by(WEEK + 10))
        self.assertIn("previous-ticket-keys", json.loads((self.server_state / STATE).read_text()))
        self.say_hello(self.last_client.method("scramblesuit").address, wire.address, self.arguments)
        self.assertEqual(wire.first_up[-1][:TICKET_SIZE], ticket)

    def forget(self, state):
        state["ticket-keys"]["hmac-key"] = os.urandom(32).hex()
        state.pop("previous-ticket-keys", None)

    def test_our_client_falls_back_within_ten_seconds_when_the_server_has_lost_its_keys(self):
        state = temp_dir(self)
        wire = Wire(self, self.bridge)
        proxy = self.client(PTPROXY, state)
        self.say_hello(proxy, wire.address, self.arguments)
        ticket = self.wait_for_ticket(state, wire.address)
        self.restart_server(self.forget)
        before = self.app.accepted
        began = time.monotonic()
        self.say_hello(proxy, wire.address, self.arguments)
        self.assertTrue(9 < time.monotonic() - began < 14, time.monotonic() - began)
        self.assertEqual(len(wire.first_up), 3)
        self.assertEqual(wire.first_up[1][:TICKET_SIZE], ticket)
        self.assertEqual(self.app.accepted, before + 1)
        self.wait_for_ticket(state, wire.address, ticket)
        self.say_hello(proxy, wire.address, self.arguments)
        self.assertEqual(len(wire.first_up), 4)

    def test_obfs4proxy_comes_back_with_uniform_dh_when_the_server_has_lost_its_keys(self):
        # It is told of no failure; its next connection, having no ticket any more, succeeds.
        proxy = self.client(OBFS4PROXY)
        self.say_hello(proxy, self.bridge, self.arguments)
        time.sleep(0.3)
        self.restart_server(self.forget)
        before = self.app.accepted
        with socks.connect(proxy, self.bridge, self.arguments) as connection:
            connection.sendall(b"hello")
            connection.settimeout(2)
            with self.assertRaises(TimeoutError):
                connection.recv(1)
        self.assertEqual(self.app.accepted, before)
        self.say_hello(proxy, self.bridge, self.arguments)

    def test_either_program_redeems_the_other_s_tickets(self):
        for first, second in ((OBFS4PROXY, PTPROXY), (PTPROXY, OBFS4PROXY)):
            with self.subTest(first=first, second=second):
                state = temp_dir(self)
                wire = Wire(self, self.bridge)
                self.say_hello(self.client(first, state), wire.address, self.arguments)
                ticket = self.wait_for_ticket(state, wire.address)
                self.end_client()
                theirs = (state / TICKETS).read_text()
                began = time.monotonic()
                self.say_hello(self.client(second, state), wire.address, self.arguments)
                self.assertLess(time.monotonic() - began, 5)
                self.assertEqual(wire.first_up[-1][:TICKET_SIZE], ticket)
                self.wait_for_ticket(state, wire.address, ticket)
                mine = (state / TICKETS).read_text()
                self.assertEqual(len(mine), len(theirs), "the same form to the letter")
                self.assertEqual(json.dumps(json.loads(mine), separators=(",", ":")), mine)
                self.assertEqual(*(list(next(iter(json.loads(text).values()))) for text in (mine, theirs)))

    def test_a_file_that_cannot_be_read_stops_the_client_alone(self):
        for program in CLIENTS.values():
            state = temp_dir(self)
            (state / TICKETS).write_text("{")
            child = start_client(self, "scramblesuit,obfs3", program=program, state=state)
            self.assertEqual(set(child.methods()), {"obfs3"})
            self.assertEqual((state / TICKETS).read_text(), "{")


class Strangers(ScrambleSuitStory):
    @classmethod
    def setUpClass(cls):
        let_the_hour_turn()
        cls.app = Acceptor(cls, lambda connection: (connection.sendall(b"secret app"), read_to_end(connection)))
        state = temp_dir(cls)
        first = start_server(cls, cls.app.address, "scramblesuit", state=state)
        cls.password = first.method("scramblesuit").arguments["password"]
        first.close_stdin()
        first.wait_exit(5)
        kept = json.loads((state / STATE).read_text())
        (state / STATE).write_text(json.dumps(kept | {"prng-seed": SEED_OF_ONE_SECOND}))
        assert stat.S_IMODE((state / STATE).stat().st_mode) == 0o600
        cls.bridge = start_server(cls, cls.app.address, "scramblesuit", state=state).method("scramblesuit").address
        # A hello with a ticket, for others to replay.
        client_state = temp_dir(cls)
        wire = Wire(cls, cls.bridge)
        proxy = start_client(cls, "scramblesuit", state=client_state).method("scramblesuit").address
        for _ in range(2):
            with socks.connect(proxy, wire.address, {"password": cls.password}) as connection:
                assert read_exactly(connection, 10) == b"secret app"
        cls.ticket_hello = wire.first_up[1]

    def answered(self, opening):
        with dial(self.bridge) as connection:
            connection.sendall(opening)
            return len(read_exactly(connection, SMALLEST_ANSWER))

    def test_nobody_gets_a_byte_or_a_connection(self):
        # Without these the silence below would prove nothing.
        recorded = hello(self.password)
        self.assertTrue(self.answered(recorded))
        for hours in (-1, 0, 1):
            self.assertTrue(self.answered(hello(self.password, hours)))
        time.sleep(0.3)
        before = self.app.accepted
        good = hello(self.password)
        probes = {
            "nothing": b"", "one byte": b"x", "100 random bytes": noise(100, 71), "10000 random bytes": noise(10000, 72),
            "an HTTP request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "half a hello": good[:len(good) // 2],
            "a hello without its last byte": good[:-1], "a hello and a byte": hello(self.password) + b"x",
            "a hello with a wrong MAC": good[:-1] + bytes([good[-1] ^ 1]),
            "a hello of two hours ago": hello(self.password, -2), "a hello of two hours ahead": hello(self.password, 2),
            "a hello with another password": hello("A" * 32), "a replayed hello": recorded,
            "a replayed ticket": self.ticket_hello,
            "the ticket with another rest": self.ticket_hello[:TICKET_SIZE] + noise(1500, 73),
        }
        outcomes = {}

        def run(name, opening):
            began = time.monotonic()
            heard, reset = b"", False
            with dial(self.bridge, 75) as connection:
                try:
                    connection.sendall(opening)
                    heard = read_to_end(connection)
                except ConnectionResetError:
                    reset = True
            outcomes[name] = (heard, reset, time.monotonic() - began)

        threads = [threading.Thread(target=run, args=probe) for probe in probes.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(80)
        self.assertEqual(len(outcomes), len(probes))
        for name, (heard, reset, seconds) in outcomes.items():
            with self.subTest(probe=name):
                self.assertEqual(heard, b"")
                self.assertFalse(reset, "a FIN, not a RST")
                self.assertAlmostEqual(seconds, CLOSING_TIME, delta=1.0)
        self.assertEqual(self.app.accepted, before)

    def test_a_wrong_password_is_refused_before_anything_is_dialled(self):
        nobody = Acceptor(self, echo)
        for name, program in CLIENTS.items():
            proxy = self.client(program)
            for bad in ({"password": "short"}, {"password": "8" * 32}, {"other": "x"}):
                with self.subTest(client=name, given=bad), self.assertRaises(socks.Refused):
                    socks.connect(proxy, nobody.address, bad, 10)
        self.assertEqual(nobody.accepted, 0)


class Damage(ScrambleSuitStory):
    def test_a_flipped_bit_ends_the_connection(self):
        for name, program in CLIENTS.items():
            with self.subTest(client=name):
                assert_a_flipped_bit_ends_the_connection(
                    self, lambda app: (self.client(program), *self.serve(app)), 74)


if __name__ == "__main__":
    pt.main()
