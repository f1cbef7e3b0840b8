import { useState } from "react";
import { call, isRefusal } from "./api";

/** Milliseconds before each automatic retry of a request without an answer. */
const pauses = [300, 1_000];

/** Milliseconds after which the next retry is the user's decision. */
const patience = 10_000;

/** Refusals that the server sends before it looks at the key. */
const beforeTheKey = [401, 403, 429];

interface Request<D> {
  text: string;
  body: { idempotency_key: string; details: D };
  /** Whether the server may have carried it out unnoticed. */
  lost: boolean;
}

/**
 * Creates things at most once. Until a request is settled, sending the same details repeats it; its idempotency key makes
 * the server repeat its first answer, without a secret.
 */
class Creator<T, D extends object> {
  private open: Request<D> | undefined;
  private underWay: Promise<T> | undefined;

  constructor(private readonly path: string) {}

  /** The details of the request whose answer was lost. The server may have carried it out. */
  get unsettled(): D | undefined {
    return this.open?.lost ? this.open.body.details : undefined;
  }

  /** Resolves with the first answer to these details, rejects with an ApiError. Until then, calling it again sends nothing. */
  send(details: D): Promise<T> {
    this.underWay ??= this.request(details).finally(() => {
      this.underWay = undefined;
    });
    return this.underWay;
  }

  private async request(details: D): Promise<T> {
    const text = JSON.stringify(details);
    if (this.open?.text !== text) {
      this.open = { text, body: { idempotency_key: newKey(), details }, lost: false };
    }
    const request = this.open;
    const began = Date.now();
    for (let tries = 0; ; tries++) {
      try {
        const answer = await call<T>("POST", this.path, { body: request.body });
        this.open = undefined;
        return answer;
      } catch (error) {
        if (isRefusal(error)) {
          if (!request.lost || !beforeTheKey.includes(error.status)) this.open = undefined;
          throw error;
        }
        request.lost = true;
        const pause = pauses[tries];
        if (pause === undefined || Date.now() - began > patience) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

export function useCreator<T, D extends object = object>(path: string): Creator<T, D> {
  const [creator] = useState(() => new Creator<T, D>(path));
  return creator;
}

/** 128 random bits. crypto.randomUUID does not exist on plain HTTP. */
function newKey(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
