"""obfs4 against Debian's obfs4proxy: each as client and as server, every iat-mode, and one identity for both."""
import json
import os
import stat
import threading
import time

from support import pt, socks
from support.obfs4_wire import identity
from support.damage import assert_a_flipped_bit_ends_the_connection
from support.peers import Acceptor, BulkApp, Wire, dial, echo, exchange, noise, read_exactly, sha256
from support.pt import OBFS4PROXY, PTPROXY, Story, start_client, start_server, temp_dir

MIB = 1 << 20

PAIRINGS = {
    "ptproxy to obfs4proxy": (PTPROXY, OBFS4PROXY),
    "obfs4proxy to ptproxy": (OBFS4PROXY, PTPROXY),
    "ptproxy to ptproxy": (PTPROXY, PTPROXY),
}


class InteropStory(Story):
    def begin(self, client_program, server_program, app_address, iat_mode=None, state=None):
        """A client's SOCKS address, the bridge, and its arguments."""
        options = None if iat_mode is None else f"obfs4:iat-mode={iat_mode}"
        server = start_server(self, app_address, program=server_program, state=state, SERVER_TRANSPORT_OPTIONS=options)
        client = start_client(self, program=client_program)
        bridge = server.method("obfs4")
        self.children = [client, server]
        return client.method("obfs4").address, bridge.address, dict(bridge.arguments)


class Bulk(InteropStory):
    def swap(self, pairings, iat_mode, amount, tries=4):
        """Moves the amount both ways at once through each of the pairings, all of them side by side."""
        down, up = noise(amount, 21), noise(amount, 22)
        found, threads = {}, []

        def move(name, app, proxy, bridge, arguments):
            with socks.connect(proxy, bridge, arguments) as connection:
                connection.settimeout(60)
                found[name] = (exchange(connection, up, len(down)), app.digest())

        children = {}
        for name, programs in pairings.items():
            app = BulkApp(self, down, len(up))
            proxy, bridge, arguments = self.begin(*programs, app.address, iat_mode)
            children[name] = self.children
            self.assertEqual(arguments["iat-mode"], str(iat_mode))
            threads.append(threading.Thread(target=move, args=(name, app, proxy, bridge, arguments)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # obfs4proxy dies in mode 2 when its random table of lengths holds a 0, as one in thirty does.
        died = [name for name in pairings if any(
            "iat length was 0" in line for child in children[name] for line in child.stderr)]
        if died and tries > 1:
            self.swap({name: pairings[name] for name in died}, iat_mode, amount, tries - 1)
        for name in pairings:
            with self.subTest(pairing=name):
                if name in died and tries > 1:
                    continue
                self.assertEqual(found.get(name), (sha256(down), sha256(up)))

    def test_64_mib_each_way(self):
        for name, programs in PAIRINGS.items():
            self.swap({name: programs}, 0, 64 * MIB)

    # In the next two modes the sender rests after each write, by design. obfs4proxy with itself takes 300 s for 64 MiB
    # each way in mode 1 and 560 s in mode 2, so these move what it takes 10 to 20 s for.
    def test_iat_mode_1(self):
        self.swap(PAIRINGS, 1, 3 * MIB)

    def test_iat_mode_2(self):
        self.swap(PAIRINGS, 2, 2 * MIB)


class Handshakes(InteropStory):
    def test_every_one_of_many_handshakes_succeeds(self):
        # A fault in the Elligator 2 branches, signs or filler bits lets a half, a quarter or an eighth succeed.
        for name, programs in PAIRINGS.items():
            with self.subTest(pairing=name):
                app = Acceptor(self, echo)
                proxy, bridge, arguments = self.begin(*programs, app.address)
                for number in range(150):
                    with socks.connect(proxy, bridge, arguments) as connection:
                        data = noise(1 + number * 17 % 3000, number)
                        connection.sendall(data)
                        self.assertEqual(read_exactly(connection, len(data)), data)

    def test_the_older_form_of_arguments(self):
        app = Acceptor(self, echo)
        for name, programs in PAIRINGS.items():
            with self.subTest(pairing=name):
                proxy, bridge, arguments = self.begin(*programs, app.address)
                node_id, public_key = identity(arguments["cert"])
                older = {"node-id": node_id.hex(), "public-key": public_key.hex().upper(), "iat-mode": "0"}
                with socks.connect(proxy, bridge, older) as connection:
                    connection.sendall(b"hello")
                    self.assertEqual(read_exactly(connection, 5), b"hello")

    def test_arguments_in_socks4_and_json(self):
        app = Acceptor(self, echo)
        proxy, bridge, arguments = self.begin(PTPROXY, OBFS4PROXY, app.address)
        with socks.connect4(proxy, bridge, socks.pack_arguments(arguments).encode()) as connection:
            connection.sendall(b"hello")
            self.assertEqual(read_exactly(connection, 5), b"hello")
        block = json.dumps(arguments).encode()
        with dial(proxy, 20) as connection:
            settings = len(block).to_bytes(4, "big") + block
            connection.sendall(b"\x05\x01\x09" + settings + socks.request(bridge) + b"hello")
            self.assertEqual(read_exactly(connection, 2), b"\x05\x09")
            self.assertEqual(read_exactly(connection, 10)[:2], b"\x05\x00")
            self.assertEqual(read_exactly(connection, 5), b"hello")

    def test_hellos_and_frames_in_small_pieces(self):
        app = Acceptor(self, echo)
        for name, programs in PAIRINGS.items():
            for size in (7, 61):
                with self.subTest(pairing=name, size=size):
                    proxy, bridge, arguments = self.begin(*programs, app.address)
                    wire = Wire(self, bridge, slice_size=size)
                    with socks.connect(proxy, wire.address, arguments) as connection:
                        data = noise(3000, 23)
                        connection.sendall(data)
                        self.assertEqual(read_exactly(connection, len(data)), data)

    def test_a_client_s_first_burst_does_not_show_the_bridge_s_table_of_lengths(self):
        # This seed's table holds only zero: each burst that it shapes fills its last segment of 1448 bytes.
        keys = {"node-id": os.urandom(20).hex(), "private-key": os.urandom(32).hex(),
                "drbg-seed": "aa5f8fadece6b9a6f61a805a1801851e7d6f6d8a05176b7f"}
        server = start_server(self, Acceptor(self, echo).address, program=OBFS4PROXY,
                              SERVER_TRANSPORT_OPTIONS=";".join(f"obfs4:{key}={value}" for key, value in keys.items()))
        bridge = server.method("obfs4")
        for program in (OBFS4PROXY, PTPROXY):
            proxy, sizes = start_client(self, program=program).method("obfs4").address, set()
            for _ in range(10):
                heard = {"down": 0, "up": 0}

                def count(direction, _, piece):
                    if direction == "down" or heard["down"]:
                        heard[direction] += len(piece)
                    return piece

                with socks.connect(proxy, Wire(self, bridge.address, count).address, bridge.arguments) as connection:
                    time.sleep(0.05)  # the seed has come, too
                    connection.sendall(bytes(100))
                    read_exactly(connection, 100)
                sizes.add(heard["up"])
            self.assertGreater(len(sizes), 3, (program, sizes))

    def test_a_server_app_that_speaks_first_is_heard_at_once(self):
        app = Acceptor(self, lambda connection: (connection.sendall(b"220 welcome\r\n"), connection.recv(1)))
        proxy, bridge, arguments = self.begin(PTPROXY, OBFS4PROXY, app.address)
        ours, our_bridge, our_arguments = self.begin(PTPROXY, PTPROXY, app.address)
        for _ in range(10):
            for socket_address, target, given in ((proxy, bridge, arguments), (ours, our_bridge, our_arguments)):
                with socks.connect(socket_address, target, given) as connection:
                    connection.settimeout(5)
                    self.assertEqual(read_exactly(connection, 13), b"220 welcome\r\n")


class Damage(InteropStory):
    def test_a_flipped_bit_ends_the_connection(self):
        for name, programs in PAIRINGS.items():
            with self.subTest(pairing=name):
                assert_a_flipped_bit_ends_the_connection(self, lambda app: self.begin(*programs, app.address), 24)

    def test_a_hello_from_garbage_fails_the_request(self):
        def babble(connection):
            connection.recv(65536)
            connection.sendall(os.urandom(9000))
            connection.recv(1)

        impostor = Acceptor(self, babble)
        silent = Acceptor(self, lambda connection: connection.recv(8192) and None)
        client = start_client(self)
        arguments = {"cert": "A" * 70, "iat-mode": "0"}
        for bridge in (impostor, silent):
            with self.assertRaises(socks.Refused) as refused:
                socks.connect(client.method("obfs4").address, bridge.address, arguments, 20)
            self.assertEqual(refused.exception.code, 1)
        self.assertTrue(client.is_running())


class Identity(InteropStory):
    def serve(self, program, state, options=None):
        server = start_server(self, ("127.0.0.1", 9), program=program, state=state, SERVER_TRANSPORT_OPTIONS=options)
        arguments = server.method("obfs4").arguments
        server.close_stdin()
        server.wait_exit(5)
        return arguments

    def test_it_survives_restarts_and_changes_of_program(self):
        for first, second in ((PTPROXY, PTPROXY), (OBFS4PROXY, PTPROXY), (PTPROXY, OBFS4PROXY)):
            with self.subTest(first=first, second=second):
                state = temp_dir(self) / "pt_state"
                made = self.serve(first, state)
                seeds = json.loads((state / "obfs4_state.json").read_text())
                self.assertEqual(self.serve(second, state), made)
                self.assertEqual(self.serve(first, state), made)
                kept = json.loads((state / "obfs4_state.json").read_text())
                for key in ("node-id", "private-key", "drbg-seed", "iat-mode"):
                    self.assertEqual(kept[key], seeds[key], key)

    def test_iat_mode_persists(self):
        for first, second in ((PTPROXY, PTPROXY), (OBFS4PROXY, PTPROXY), (PTPROXY, OBFS4PROXY)):
            with self.subTest(first=first, second=second):
                state = temp_dir(self)
                made = self.serve(first, state)
                self.assertEqual(made["iat-mode"], "0")
                changed = self.serve(first, state, "obfs4:iat-mode=1")
                self.assertEqual(changed, made | {"iat-mode": "1"})
                self.assertEqual(self.serve(second, state), changed)
                self.assertEqual(self.serve(first, state), changed)

    def test_an_identity_may_be_given(self):
        keys = {"node-id": os.urandom(20).hex(), "private-key": os.urandom(32).hex(), "drbg-seed": os.urandom(24).hex()}
        options = ";".join(f"obfs4:{key}={value}" for key, value in keys.items())
        state = temp_dir(self)
        theirs = self.serve(OBFS4PROXY, temp_dir(self), options)
        self.assertEqual(self.serve(PTPROXY, state, options), theirs)
        self.assertEqual(self.serve(PTPROXY, state), theirs, "and is kept")

    def test_the_files_look_like_obfs4proxy_s(self):
        ours, theirs = temp_dir(self), temp_dir(self)
        self.serve(PTPROXY, ours)
        self.serve(OBFS4PROXY, theirs)
        mine, model = ((where / "obfs4_state.json").read_text() for where in (ours, theirs))
        self.assertEqual(list(json.loads(mine)), list(json.loads(model)))
        self.assertEqual(len(mine), len(model), mine)
        for name in ("obfs4_state.json", "obfs4_bridgeline.txt"):
            self.assertEqual(stat.S_IMODE((ours / name).stat().st_mode), 0o600)
        lines = (ours / "obfs4_bridgeline.txt").read_text().splitlines()
        self.assertRegex(lines[-1],
                         r"^Bridge obfs4 <IP ADDRESS>:<PORT> <FINGERPRINT> cert=[A-Za-z0-9+/]{70} iat-mode=0$")
        for line in lines[:-1]:
            self.assertRegex(line, r"^(#.*)?$")


if __name__ == "__main__":
    pt.main()
