// Verifies an API token by its signature and its status list, without asking Tokentab about each request. It reads the
// token from standard input and prints its claims. It needs the package jose.
//
//   printf %s "$T" | node docs/offline/verify.mjs https://tokens.example.com https://tokens.example.com
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { createRemoteJWKSet, jwtVerify } from "jose";

const keysKept = 300_000; // ms, how long fetched keys are kept
const retryAfter = 10_000; // ms, the wait after a failed fetch of a list
const patience = 1_000; // ms, how long to wait for a newer list if an older one is kept
const longestTTL = 600_000; // ms, even if a list allows more
const maxEntries = 1 << 20; // bytes
const leeway = 60; // s, how far this clock may be behind the issuer's (RFC 7519, section 4.1.5)

/**
 * Verifies tokens of one issuer for one audience. It keeps the issuer's keys and status lists, so most calls send no
 * request. A service creates one when it starts.
 */
export class Verifier {
  #issuer;
  #audience;
  #fetch;
  #now;
  #keys;
  #lists = new Map();

  constructor(issuer, audience, { fetch = globalThis.fetch, now = Date.now } = {}) {
    this.#issuer = issuer;
    this.#audience = audience;
    this.#fetch = fetch;
    this.#now = now;
    this.#keys = this.#newestKeys(
      createRemoteJWKSet(new URL("/.well-known/jwks.json", issuer), { cacheMaxAge: Infinity }),
    );
  }

  /**
   * Fetches the keys every five minutes, so that a withdrawn key is dropped. If a fetch fails, it uses the kept keys. For
   * an unknown key id it fetches them at a limited rate, because anyone can make ids up.
   */
  #newestKeys(keys) {
    let next = 0;
    return async (header, signed) => {
      if (this.#now() >= next) {
        next = this.#now() + retryAfter;
        await keys.reload().then(
          () => {
            next = this.#now() + keysKept;
          },
          () => {}, // if no keys are kept, the next line throws the reason
        );
      }
      return keys(header, signed);
    };
  }

  /** Returns the claims of a token that is good now, or throws an error that says why it is not. */
  async verify(token) {
    const claims = await this.#parse(token, "at+jwt", { audience: this.#audience });
    // The list is fetched only for tokens of the issuer.
    const entry = claims.status?.status_list;
    if (!entry) throw new Error("the token names no status list, so it can't be checked for revocation");
    const list = await this.#list(entry.uri);
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
    const { payload } = await jwtVerify(signed, this.#keys, {
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
   * Returns the status list at a URI. It keeps a list for its ttl, then fetches a newer one, which concurrent calls share.
   * If that fails, it uses the kept list until that expires.
   */
  async #list(uri) {
    const slot = this.#lists.get(uri) ?? {};
    this.#lists.set(uri, slot);
    if (slot.held && this.#now() < slot.held.next) return slot.held;
    if (slot.held && this.#now() >= slot.held.expires) slot.held = undefined;
    slot.fetching ??= this.#fetchList(uri, slot.held).finally(() => {
      slot.fetching = undefined;
    });
    try {
      slot.held = await slot.fetching;
    } catch (error) {
      if (!slot.held) throw error;
      slot.held.next = Math.min(this.#now() + retryAfter, slot.held.expires);
    }
    return slot.held;
  }

  /** Returns a newer list, or the kept one if it did not change. */
  async #fetchList(uri, held) {
    const signal = AbortSignal.timeout(held ? patience : 5_000);
    const answer = await this.#fetch(uri, {
      headers: held?.tag ? { "If-None-Match": held.tag } : {},
      signal,
    });
    if (answer.status === 304 && held) return this.#kept(held);
    if (!answer.ok) throw new Error(`${uri} answers ${answer.status}`);
    const claims = await this.#parse(await answer.text(), "statuslist+jwt", { subject: uri });
    const { bits, lst } = claims.status_list;
    if (![1, 2, 4, 8].includes(bits)) throw new Error("the status list's entries have an unsupported size");
    if (!(claims.ttl > 0)) throw new Error("the status list has no ttl");
    const entries = inflateSync(Buffer.from(lst, "base64url"), { maxOutputLength: maxEntries });
    const ttl = Math.min(claims.ttl * 1000, longestTTL);
    return this.#kept({ entries, bits, tag: answer.headers.get("ETag"), ttl, expires: claims.exp * 1000 });
  }

  #kept(list) {
    return { ...list, next: Math.min(this.#now() + list.ttl, list.expires) };
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const [issuer, audience] = process.argv.slice(2);
    const token = readFileSync(0, "utf8").trim();
    console.log(JSON.stringify(await new Verifier(issuer, audience).verify(token)));
  } catch (error) {
    console.error(`refused: ${error.message}`);
    process.exitCode = 1;
  }
}
