import { useState } from "react";
import { ApiError, call } from "./api";

/** Milliseconds before a request without an answer is sent again by itself. */
const pauses = [300, 1_000];

/** Milliseconds after which a person decides about another try, and no longer this program. */
const patience = 10_000;

/**
 * A request to create something that the server carries out at most once, however often it is sent: its idempotency
 * key makes the server repeat its first answer, without a secret.
 */
export class Once<T> {
  /** Whether the server may have carried it out without our knowing. */
  unsettled = false;
  private readonly body: { idempotency_key: string; details: object };

  constructor(
    private readonly path: string,
    details: object,
  ) {
    this.body = { idempotency_key: newKey(), details };
  }

  /** Resolves with the first answer, rejects with an ApiError. After a rejection look at `unsettled`. */
  async send(): Promise<T> {
    const began = Date.now();
    for (let tries = 0; ; tries++) {
      try {
        const answer = await call<T>("POST", this.path, { body: this.body });
        this.unsettled = false;
        return answer;
      } catch (error) {
        if (isRefused(error)) {
          // A repeat that is let in and refused proves that the first request was not carried out.
          if (!(error instanceof ApiError && beforeTheKey.includes(error.status))) this.unsettled = false;
          throw error;
        }
        this.unsettled = true;
        const pause = pauses[tries];
        if (pause === undefined || Date.now() - began > patience) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

/**
 * Creates things of one kind at most once each: the same details are the same request until it is answered, other
 * details are another.
 */
class Creator<T> {
  private open: { details: string; request: Once<T> } | undefined;

  constructor(private readonly path: string) {}

  /** Resolves with the first answer to these details, rejects with an ApiError. */
  async send(details: object): Promise<T> {
    const text = JSON.stringify(details);
    if (this.open?.details !== text) this.open = { details: text, request: new Once<T>(this.path, details) };
    const { request } = this.open;
    try {
      return await request.send();
    } finally {
      if (!request.unsettled) this.open = undefined;
    }
  }
}

/** Sends what a form asks for to be created, at most once each. */
export function useCreator<T>(path: string): (details: object) => Promise<T> {
  const [creator] = useState(() => new Creator<T>(path));
  return (details) => creator.send(details);
}

/** Refusals that are answered without a look at the key: signed out, not permitted, too many requests. */
const beforeTheKey = [401, 403, 429];

/** Whether the server has said no. A lost answer, a proxy's error and an unreadable answer leave it open. */
function isRefused(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500;
}

/** 128 random bits. crypto.randomUUID does not exist on plain http. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
