import { vi } from "vitest";
import { activity } from "./agent-samples";
import { backup, list, moves, one, summary, use } from "./samples";

/** A request of the page. */
export interface Sent {
  route: string;
  params: string[];
  query: URLSearchParams;
  body: unknown;
  headers: Headers;
  credentials: RequestCredentials | undefined;
}

type Answer = unknown | ((sent: Sent) => unknown);

/** An answer that is not 200. */
export class Failure {
  constructor(
    readonly status: number,
    readonly body: Record<string, unknown>,
    readonly headers: Record<string, string> = {},
  ) {}
}

export function failure(status: number, code: string, message: string, more: Record<string, unknown> = {}) {
  return new Failure(status, { status: "error", code, message, ...more });
}

/** An answer that asks to wait for a minute. */
export const slow = new Failure(
  429,
  { status: "error", code: "too_many_requests", message: "Too many requests." },
  { "Retry-After": "60" },
);

/** What a proxy answers that finds no Tokentab to ask, as while that starts again. */
export const noRoute = new Response("404 page not found", { status: 404 });

/** No answer at all. */
export const unreachable = new Failure(0, {});

const routes = new Map<string, Answer>();
const unknown: string[] = [];

/** The requests of this test, in order. */
export const sent: Sent[] = [];

/** The server of the tests. It answers only the routes that a test sets up; any other call fails the test. */
export const network = {
  install() {
    routes.clear();
    sent.length = 0;
    unknown.length = 0;
    // Part of every page with tokens or of an agent, and rarely of interest.
    this.on("GET /api_token/moves", moves());
    this.on("GET /backup", one(backup()));
    this.on("GET /api_token/summary", one(summary()));
    this.on("GET /api_token/:id/use", one(use()));
    this.on("GET /agent/:id/activity", one(activity()));
    this.on("GET /agent_instance", list([]));
    vi.stubGlobal("fetch", fakeFetch);
  },

  /** `route` is like "POST /api_token/:id/revoke", below /api/v1. */
  on(route: string, answer: Answer) {
    routes.set(route, answer);
  },

  verify() {
    if (unknown.length > 0)
      throw new Error(`the page made calls the test does not know: ${unknown.join(", ")}`);
  },
};

/** The bodies of all requests to a route. */
export function bodiesOf(route: string): unknown[] {
  return sent.filter((one) => one.route === route).map((one) => one.body);
}

async function fakeFetch(input: string, init: RequestInit): Promise<Response> {
  const url = new URL(input, window.location.origin);
  const line = `${init.method} ${url.pathname.replace(/^\/api\/v1/, "")}`;
  for (const [route, answer] of routes) {
    const match = pattern(route).exec(line);
    if (!match) continue;
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    const one = {
      route,
      params: match.slice(1),
      query: url.searchParams,
      body,
      headers: new Headers(init.headers),
      credentials: init.credentials,
    };
    sent.push(one);
    return respond(await (typeof answer === "function" ? answer(one) : answer));
  }
  unknown.push(line);
  return respond(failure(500, "unexpected", "unknown call"));
}

function pattern(route: string): RegExp {
  return new RegExp(`^${route.replace(/:\w+/g, "([^/]+)")}$`);
}

function respond(answer: unknown): Response {
  if (answer instanceof Response) return answer.clone();
  if (answer === unreachable) throw new TypeError("Failed to fetch");
  if (answer instanceof Failure) {
    return new Response(JSON.stringify(answer.body), { status: answer.status, headers: answer.headers });
  }
  return new Response(JSON.stringify(answer), { status: 200 });
}
