"""The obfs4 client's hello, as far as a prober needs it: marks and MACs, but no key agreement."""
import base64
import hashlib
import hmac
import os
import time

SMALLEST_PADDING = 77
LARGEST_PADDING = 8128


def identity(cert):
    """(node ID, public key) out of a cert."""
    raw = base64.b64decode(cert + "==", validate=True)
    return raw[:20], raw[20:]


def cert_of(node_id, public_key):
    return base64.b64encode(node_id + public_key).decode().rstrip("=")


def _mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()[:16]


def hello(cert, hours=0, padding=SMALLEST_PADDING, representative=None):
    """A hello that the server of this cert accepts. Its key is random, so nobody can go on from there."""
    node_id, public_key = identity(cert)
    key = public_key + node_id
    representative = representative or os.urandom(32)
    body = representative + os.urandom(padding) + _mac(key, representative)
    return body + _mac(key, body + str(int(time.time()) // 3600 + hours).encode())


def let_the_hour_turn():
    """Sleeps over the turn of the hour when it is seconds away, so that both ends think of the same one."""
    rest = 3600 - time.time() % 3600
    if rest < 5:
        time.sleep(rest + 0.5)
