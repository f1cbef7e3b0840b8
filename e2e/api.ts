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

/** An API token as the server describes it: the parts that tests look at. */
export interface Token {
  id: string;
  hint: string;
}

export interface Created {
  details: Token;
  /** The secret. */
  token: string;
}

/** Talks to the server as a script does: without a browser, by bearer token. */
export class Api {
  readonly origin: string;
  readonly #code: string;
  #cookie = "";

  constructor({ origin, setupCode }: Server) {
    this.origin = origin;
    this.#code = setupCode;
  }

  /** Makes the account and its first user, and keeps the session for what has to be made by a user. */
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

  /** Asks with a token, as an SDK does when it starts. */
  ping(secret: string): Promise<Answer> {
    return this.#send("GET", "/api/v1/ping", bearer(secret));
  }

  /** Asks whether a token is good, as a gateway does. */
  validate(secret: string): Promise<Answer> {
    return this.#send("GET", "/api/v1/validate", bearer(secret));
  }

  /** Makes something: as the holder of a token, else as the user. */
  async create<T>(path: string, details: object, secret?: string): Promise<T> {
    const credential = secret ? bearer(secret) : this.#user();
    const answer = await this.#send("POST", `/api/v1${path}`, credential, { details });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return answer.body as T;
  }

  /** Changes something, as the user. */
  async change(path: string, details: object) {
    const answer = await this.#send("PUT", `/api/v1${path}`, this.#user(), { details });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  }

  /** Tries to delete something, as the user. */
  remove(path: string): Promise<Answer> {
    return this.#send("DELETE", `/api/v1${path}`, this.#user());
  }

  /** Does to something what the end of the path says, as the user: suspends a token, revokes an invite. */
  async act(path: string) {
    const answer = await this.#send("POST", `/api/v1${path}`, this.#user(), {});
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  }

  /** Everything of a kind, as the user sees it. */
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

  /** Follows an invite link, as the invited. */
  async join(link: string, { name, password }: { name: string; password: string }) {
    const code = new URL(link).pathname.split("/")[2];
    const answer = await this.#send(
      "POST",
      "/api/v1/invite/accept",
      {},
      { details: { code, name, password } },
    );
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  }

  /** Proves to the server that the session's holder asks, from its own origin. */
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
