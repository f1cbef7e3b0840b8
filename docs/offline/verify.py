"""Verifies an API token by its signature and its status list, without asking Tokentab about each request. It reads the
token from standard input and prints its claims. It needs PyJWT with cryptography: on Debian the packages python3-jwt
and python3-cryptography.

    printf %s "$T" | python3 docs/offline/verify.py https://tokens.example.com https://tokens.example.com
"""

import base64
import json
import math
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib

import jwt

KEYS_KEPT = 300  # seconds, how long fetched keys are kept
RETRY_AFTER = 10  # seconds, the wait after a failed fetch
PATIENCE = 1  # seconds, how long to wait for newer keys or lists if older ones are kept
TIMEOUT = 5  # seconds, how long to wait if none are kept
LONGEST_TTL = 600  # seconds, even if a list allows more
MAX_ANSWER = 1 << 20  # bytes
LEEWAY = 60  # seconds, how far this clock may be behind the issuer's (RFC 7519, section 4.1.5)


class Refused(Exception):
    """Says why a token is not good."""


class StatusList:
    """A list that was fetched and whose signature is verified."""

    def __init__(self, claims, tag):
        self.bits = claims["status_list"]["bits"]
        if self.bits not in (1, 2, 4, 8):
            raise Refused("the status list's entries have an unsupported size")
        if not claims.get("ttl", 0) > 0:
            raise Refused("the status list has no ttl")
        lst = claims["status_list"]["lst"]
        packed = base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4))
        self.entries = zlib.decompressobj().decompress(packed, MAX_ANSWER)
        self.tag = tag
        self.ttl = min(claims["ttl"], LONGEST_TTL)
        self.expires = claims["exp"]

    def at(self, index):
        """Returns the value of an entry. The first entry of a byte is in its lowest bits."""
        bit = index * self.bits
        if index < 0 or bit >= len(self.entries) * 8:
            raise Refused("the status list has no such entry")
        return self.entries[bit // 8] >> bit % 8 & (1 << self.bits) - 1


class Shared:
    """Something that was fetched for all threads: the keys, or a list.

    If a fetch is due, all threads that arrive meanwhile wait for the same one, but no longer than it may take. A failure
    is remembered for RETRY_AFTER, so that threads don't wait again and again for a server that hangs.
    """

    def __init__(self, fetch):
        self.fetch = fetch  # gets the value that it replaces, or None; returns value, seconds to keep it, and its end
        self.lock = threading.Lock()  # never held during a fetch
        self.value = None
        self.expires = math.inf  # when the value must not be used any more
        self.next = -math.inf  # when to fetch a newer one
        self.error = None  # why the last fetch failed
        self.fetching = None  # is set when the fetch under way is over

    def get(self):
        """Returns the value, or raises why the last fetch failed if there is none to use."""
        with self.lock:
            due = self.fetching is None and (time.monotonic() >= self.next or self._has_expired())
            if due:
                self.fetching = threading.Event()
            over = self.fetching
        if due:
            self._renew(over)
        elif over:
            over.wait(PATIENCE if self._is_usable() else TIMEOUT)  # urllib limits each read, not the whole fetch
        with self.lock:
            if not self._is_usable():
                raise Refused(self.error or "there is none that is still valid")
            return self.value

    def _renew(self, over):
        held = self.value if self._is_usable() else None
        value, keep, expires, error = held, RETRY_AFTER, self.expires, "interrupted"
        try:
            value, keep, expires = self.fetch(held)
            error = None
        except Exception as reason:
            error = f"a fetch failed: {reason}"
        finally:
            with self.lock:
                self.value, self.expires, self.error = value, expires, error
                self.next = time.monotonic() + keep
                self.fetching = None
            over.set()

    def _has_expired(self):
        return self.value is not None and time.time() >= self.expires

    def _is_usable(self):
        return self.value is not None and not self._has_expired()


class Verifier:
    """Verifies tokens of one issuer for one audience.

    It keeps the issuer's keys and status lists, so most calls send no request. A service creates one when it starts. It
    is safe to use from many threads.
    """

    def __init__(self, issuer, audience):
        self.issuer = issuer
        self.audience = audience
        self.keys = Shared(self._fetch_keys)
        self.lists = {}

    def verify(self, token):
        """Returns the claims of a token that is good now, or raises an exception that says why it is not."""
        claims = self._parse(token, "at+jwt", ["sub"], audience=self.audience)
        # The list is fetched only for tokens of the issuer.
        entry = claims.get("status", {}).get("status_list")
        if not entry:
            raise Refused("the token names no status list, so it can't be checked for revocation")
        value = self._list(entry["uri"]).at(entry["idx"])
        if value == 1:
            raise Refused("the token is revoked")
        if value == 2:
            raise Refused("the token is suspended")
        if value != 0:
            raise Refused(f"the token has the unknown status {value}")
        return claims

    def _parse(self, signed, typ, required, **options):
        """Checks signature, type, issuer and times of a JWT, and the options.

        The leeway is for nbf and iat, not for exp.
        """
        header = jwt.get_unverified_header(signed)
        if header.get("typ") != typ or header.get("alg") != "ES256":
            raise Refused(f"the token is not of the type {typ}, signed with ES256")
        key = self._key(header.get("kid"))
        checks = {"require": ["iss", "exp", *required], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        claims = jwt.decode(signed, key, algorithms=["ES256"], issuer=self.issuer, options=checks, **options)
        now = time.time()
        if claims["exp"] <= now:
            raise Refused("the token has expired")
        if max(claims.get("iat", 0), claims.get("nbf", 0)) > now + LEEWAY:
            raise Refused("the token is not valid yet")
        return claims

    def _key(self, kid):
        """Returns a key of the issuer.

        It fetches the keys every five minutes, so that a withdrawn key is dropped. If a fetch fails, it uses the kept
        keys. It does not fetch keys for an unknown id, which anyone can make up: new keys are published ten minutes
        before they sign.
        """
        keys = self.keys.get()
        if kid not in keys:
            raise Refused(self.keys.error or "the issuer has no such key")
        return keys[kid]

    def _fetch_keys(self, held):
        _, body = self._get(self.issuer + "/.well-known/jwks.json", held)
        return {key.key_id: key.key for key in jwt.PyJWKSet.from_json(body).keys}, KEYS_KEPT, math.inf

    def _list(self, uri):
        """Returns the list with that address: the one at hand until its ttl is over, then a newer one.

        While that can't be had, the one at hand does until it has expired.
        """
        return self.lists.setdefault(uri, Shared(lambda held: self._fetch_list(uri, held))).get()

    def _fetch_list(self, uri, held):
        """Fetches a newer list. It keeps the one at hand, if any, where that is still the same."""
        tag, signed = self._get(uri, held, held and held.tag)
        if signed is not None:
            claims = self._parse(signed, "statuslist+jwt", ["sub"])
            if claims["sub"] != uri:
                raise Refused("the status list is another one")
            held = StatusList(claims, tag)
        return held, held.ttl, held.expires

    @staticmethod
    def _get(url, at_hand, known=None):
        """Returns the tag and the body of what stands at an address; no body where it still has the known tag."""
        request = urllib.request.Request(url, headers={"If-None-Match": known} if known else {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE if at_hand else TIMEOUT) as answer:
                return answer.headers["ETag"], answer.read(MAX_ANSWER).decode()
        except urllib.error.HTTPError as answer:
            if answer.code != 304 or not known:
                raise
            return known, None


if __name__ == "__main__":
    try:
        _, issuer, audience = sys.argv
        print(json.dumps(Verifier(issuer, audience).verify(sys.stdin.read().strip())))
    except Exception as reason:
        sys.exit(f"refused: {reason}")
