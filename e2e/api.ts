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
    const credential: Record<string, string> = secret
      ? bearer(secret)
      : { Cookie: this.#cookie, Origin: this.origin };
    const answer = await this.#send("POST", `/api/v1${path}`, credential, { details });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return answer.body as T;
  }

  /** Moves a token through its life, as the user: suspend, activate or revoke. */
  async move(id: string, move: "suspend" | "activate" | "revoke") {
    const credential = { Cookie: this.#cookie, Origin: this.origin };
    const answer = await this.#send("POST", `/api/v1/api_token/${id}/${move}`, credential, {});
    expect(answer.status).toBe(200);
  }

  /** The id of the environment with this name. */
  async environmentId(name: string): Promise<string> {
    const { body } = await this.#send("GET", "/api/v1/environment", { Cookie: this.#cookie });
    const { summaries } = body as { summaries: { id: string; name: string }[] };
    const found = summaries.find((environment) => environment.name === name);
    if (!found) throw new Error(`There is no environment ${name}.`);
    return found.id;
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

function bearer(secret: string) {
  return { Authorization: `Bearer ${secret}` };
}
