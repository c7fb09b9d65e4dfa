"""The ScrambleSuit client's UniformDH hello, as far as a prober needs it: marks and MACs, but no key agreement."""
import base64
import hashlib
import hmac
import os
import time

TICKET_SIZE = 112
SMALLEST_ANSWER = 224


def _mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()[:16]


def hello(password, hours=0, padding=100):
    """A hello that the server of this password answers. Its public key is any number, so nobody can go on from there."""
    key = base64.b32decode(password)
    public_key = os.urandom(192)
    body = public_key + os.urandom(padding) + _mac(key, public_key)
    return body + _mac(key, body + str(int(time.time()) // 3600 + hours).encode())
