// Verifies an API token by its signature and its status list, without asking Tokentab about each request. It reads the
// token from standard input and prints its claims. It needs the package jose.
//
//   printf %s "$T" | node docs/offline/verify.mjs https://tokens.example.com https://tokens.example.com
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { createLocalJWKSet, jwtVerify } from "jose";

const keysKept = 300_000; // ms, how long fetched keys are kept
const retryAfter = 10_000; // ms, the wait after a failed fetch
const patience = 1_000; // ms, how long to wait for newer keys or lists if older ones are kept
const timeout = 5_000; // ms, how long to wait if none are kept
const longestTTL = 600_000; // ms, even if a list allows more
const maxEntries = 1 << 20; // bytes
const leeway = 60; // s, how far this clock may be behind the issuer's (RFC 7519, section 4.1.5)

/**
 * Something that was fetched for all calls: the keys, or a list. If a fetch is due, all calls that arrive meanwhile wait for
 * the same one. A failure is remembered for ten seconds, so that calls don't wait again and again for a server that hangs.
 */
class Shared {
  #fetch;
  #now;
  #elapsed;
  #held;
  #next = -Infinity; // when to fetch a newer one
  #error; // of the last fetch
  #fetching;

  /** fetch gets the value that it replaces, if any, and a signal. It returns the value, ms to keep it, and its end. */
  constructor(fetch, { now, elapsed }) {
    this.#fetch = fetch;
    this.#now = now;
    this.#elapsed = elapsed;
  }

  /** Returns the value, or throws the error of the last fetch if there is none to use. */
  async get() {
    const isOver = this.#held && !this.#usable();
    if (isOver || this.#elapsed() >= this.#next) this.#fetching ??= this.#renew();
    await this.#fetching;
    const held = this.#usable();
    if (!held) throw this.#error ?? new Error("the newest one has expired");
    return held.value;
  }

  async #renew() {
    this.#held = this.#usable();
    try {
      this.#held = await this.#fetch(this.#held?.value, AbortSignal.timeout(this.#held ? patience : timeout));
      this.#error = undefined;
      this.#next = this.#elapsed() + this.#held.keep;
    } catch (error) {
      this.#error = error;
      this.#next = this.#elapsed() + retryAfter;
    }
    this.#fetching = undefined;
  }

  #usable() {
    return this.#held && this.#now() < this.#held.expires ? this.#held : undefined;
  }
}

/**
 * Verifies tokens of one issuer for one audience. It keeps the issuer's keys and status lists, so most calls send no
 * request. A service creates one when it starts.
 */
export class Verifier {
  #issuer;
  #audience;
  #fetch;
  #now;
  #clocks;
  #keys;
  #lists = new Map();

  /** now is the time of day. elapsed is a monotonic clock, in ms. */
  constructor(
    issuer,
    audience,
    { fetch = globalThis.fetch, now = Date.now, elapsed = () => performance.now() } = {},
  ) {
    this.#issuer = issuer;
    this.#audience = audience;
    this.#fetch = fetch;
    this.#now = now;
    this.#clocks = { now, elapsed };
    this.#keys = new Shared((_, signal) => this.#fetchKeys(signal), this.#clocks);
  }

  /** Returns the claims of a token that is good now, or throws an error that says why it is not. */
  async verify(token) {
    const claims = await this.#parse(token, "at+jwt", { audience: this.#audience });
    // The list is fetched only for tokens of the issuer.
    const entry = claims.status?.status_list;
    if (!entry) throw new Error("the token names no status list, so it can't be checked for revocation");
    if (!this.#lists.has(entry.uri)) {
      this.#lists.set(
        entry.uri,
        new Shared((held, signal) => this.#fetchList(entry.uri, held, signal), this.#clocks),
      );
    }
    const list = await this.#lists.get(entry.uri).get();
    const value = valueAt(list, entry.idx);
    if (value === 1) throw new Error("the token is revoked");
    if (value === 2) throw new Error("the token is suspended");
    if (value !== 0) throw new Error(`the token has the unknown status ${value}`);
    return claims;
  }

  /**
   * Checks signature, type, issuer and times of a JWT, and the options. The leeway is for nbf and iat, not for exp.
   */
  async #parse(signed, typ, options) {
    const { payload } = await jwtVerify(signed, this.#key, {
      algorithms: ["ES256"],
      typ,
      issuer: this.#issuer,
      requiredClaims: ["exp"],
      currentDate: new Date(this.#now()),
      clockTolerance: leeway,
      ...options,
    });
    const now = this.#now() / 1000;
    if (payload.exp <= now) throw new Error("the token has expired");
    if (payload.iat > now + leeway) throw new Error("the token is not valid yet");
    return payload;
  }

  /**
   * Returns a key of the issuer. The keys are fetched every five minutes, so that a withdrawn key is dropped. If a fetch
   * fails, the kept keys are used. An unknown key id fetches none, because anyone can make ids up: new keys are published ten
   * minutes before they sign.
   */
  #key = async (header, signed) => (await this.#keys.get())(header, signed);

  async #fetchKeys(signal) {
    const url = new URL("/.well-known/jwks.json", this.#issuer);
    const answer = await this.#fetch(url, { signal });
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    return { value: createLocalJWKSet(await answer.json()), keep: keysKept, expires: Infinity };
  }

  /** Fetches a newer list. It keeps the given one, if any, where that did not change. */
  async #fetchList(uri, held, signal) {
    const answer = await this.#fetch(uri, {
      headers: held?.tag ? { "If-None-Match": held.tag } : {},
      signal,
    });
    if (answer.status === 304 && held) return { value: held, keep: held.ttl, expires: held.expires };
    if (!answer.ok) throw new Error(`${uri} answers ${answer.status}`);
    const claims = await this.#parse(await answer.text(), "statuslist+jwt", { subject: uri });
    const { bits, lst } = claims.status_list;
    if (![1, 2, 4, 8].includes(bits)) throw new Error("the status list's entries have an unsupported size");
    if (!(claims.ttl > 0)) throw new Error("the status list has no ttl");
    const entries = inflateSync(Buffer.from(lst, "base64url"), { maxOutputLength: maxEntries });
    const ttl = Math.min(claims.ttl * 1000, longestTTL);
    const expires = claims.exp * 1000;
    return { value: { entries, bits, tag: answer.headers.get("ETag"), ttl, expires }, keep: ttl, expires };
  }
}

/** Returns the value of an entry. The first entry of a byte is in its lowest bits. */
function valueAt({ entries, bits }, index) {
  const bit = index * bits;
  if (!Number.isInteger(index) || index < 0 || bit >= entries.length * 8) {
    throw new Error("the status list has no such entry");
  }
  return (entries[bit >> 3] >> (bit & 7)) & ((1 << bits) - 1);
}

// Node runs a link as the file that it leads to.
const started = process.argv[1] ?? "";
if (existsSync(started) && realpathSync(started) === realpathSync(fileURLToPath(import.meta.url))) {
  try {
    const [issuer, audience] = process.argv.slice(2);
    const token = readFileSync(0, "utf8").trim();
    console.log(JSON.stringify(await new Verifier(issuer, audience).verify(token)));
  } catch (error) {
    console.error(`refused: ${error.message}`);
    process.exitCode = 1;
  }
}
