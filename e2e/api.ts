import { expect } from "@playwright/test";
import type { Server } from "./server";

export const founder = {
  account_name: "Acme",
  name: "Ada Lovelace",
  email: "ada@acme.example",
  password: "correct horse battery",
};

interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** The fields of an API token that tests read. */
export interface Token {
  id: string;
  hint: string;
}

export interface Created {
  details: Token;
  /** The secret. */
  token: string;
}

/** Calls the API as a script does, without a browser. */
export class Api {
  readonly origin: string;
  readonly #code: string;
  #cookie = "";

  constructor({ origin, setupCode }: Server) {
    this.origin = origin;
    this.#code = setupCode;
  }

  /** Creates the account and its first user, and keeps the session. */
  async setUp() {
    const answer = await this.#send(
      "POST",
      "/api/v1/setup",
      {},
      { details: { code: this.#code, ...founder } },
    );
    expect(answer.status).toBe(200);
    this.#cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  }

  /** Checks a token as an SDK does at start-up. */
  ping(secret: string): Promise<Answer> {
    return this.#send("GET", "/api/v1/ping", bearer(secret));
  }

  /** Checks a token as a gateway does. */
  validate(secret: string): Promise<Answer> {
    return this.#send("GET", "/api/v1/validate", bearer(secret));
  }

  /** Creates a resource with the token, or else as the user. */
  async create<T>(path: string, details: object, secret?: string): Promise<T> {
    const credential = secret ? bearer(secret) : this.#user();
    const answer = await this.#send("POST", `/api/v1${path}`, credential, { details });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return answer.body as T;
  }

  /** Posts what an SDK reports, with a token. Resolves with the whole answer. */
  async report<T = { details: { id: string } }>(path: string, body: object, secret: string): Promise<T> {
    const answer = await this.#send("POST", `/api/v1${path}`, bearer(secret), body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return answer.body as T;
  }

  /** Changes a resource as the user. */
  async change(path: string, details: object) {
    const answer = await this.#send("PUT", `/api/v1${path}`, this.#user(), { details });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  }

  /** Tries to delete a resource as the user. */
  remove(path: string): Promise<Answer> {
    return this.#send("DELETE", `/api/v1${path}`, this.#user());
  }

  /** Posts an action as the user, such as the suspend of a token. */
  async act(path: string, body: object = {}) {
    const answer = await this.#send("POST", `/api/v1${path}`, this.#user(), body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  }

  /** All resources of a kind that the user sees. */
  async list<T>(path: string): Promise<T[]> {
    const answer = await this.#send("GET", `/api/v1${path}`, this.#user());
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return (answer.body as { summaries: T[] }).summaries;
  }

  /** The id of the environment with this name. */
  async environmentId(name: string): Promise<string> {
    const environments = await this.list<{ id: string; name: string }>("/environment");
    const found = environments.find((environment) => environment.name === name);
    if (!found) throw new Error(`There is no environment ${name}.`);
    return found.id;
  }

  /** Invites a person and returns the invite's link. */
  async invite(email: string): Promise<string> {
    const { details } = await this.create<{ details: { invite_url: string } }>("/admin_user_invite", {
      email,
    });
    return details.invite_url;
  }

  /** Accepts an invite. */
  async join(link: string, { name, password }: { name: string; password: string }) {
    const code = new URL(link).hash.slice(1);
    const answer = await this.#send(
      "POST",
      "/api/v1/invite/accept",
      {},
      { details: { code, name, password } },
    );
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  }

  /** Proves the same origin. */
  #user(): Record<string, string> {
    return { Cookie: this.#cookie, Origin: this.origin };
  }

  async #send(method: string, path: string, headers: Record<string, string>, body?: object): Promise<Answer> {
    const response = await fetch(`${this.origin}${path}`, {
      method,
      headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
  }
}

function bearer(secret: string): Record<string, string> {
  return { Authorization: `Bearer ${secret}` };
}
