import { hearTime } from "./servertime";
import type { Pagination, Sorting } from "./wire";

/** Milliseconds after which a request fails. */
const patience = 30_000;

/** Milliseconds between two polls while the page is visible. */
export const pollInterval = 4_000;

/** A failed call. `status` is 0 without an answer, and 502 if a proxy answered: that tells nothing of what Tokentab did. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Messages by field of the request. */
    readonly fields: Record<string, string[]> = {},
    /** Seconds to wait, if the server says so. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface One<T> {
  status: "success";
  details: T;
}

export interface List<T> {
  status: "success";
  summaries: T[];
  pagination: Pagination;
  sorting: Sorting | null;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";
/** The parameters of a request. Each value of an array is sent as a parameter of its own. */
export type Query = Record<string, string | number | boolean | string[] | undefined>;

interface Options {
  query?: Query;
  /** Sent in the envelope. */
  details?: object;
  /** Sent unchanged. */
  body?: unknown;
  signal?: AbortSignal;
  /** Changes the text of the answer before it is parsed. */
  rewrite?: Rewrite;
}

type Rewrite = (json: string) => string;

/** Resolves with the whole answer, rejects with an ApiError. */
export async function call<T>(method: Method, path: string, options: Options = {}): Promise<T> {
  const place = `${path}${queryString(options.query)}`;
  const known = method === "GET" ? answers.get(place) : undefined;
  const headers = new Headers({ Accept: "application/json" });
  const { body: whole = options.details && { details: options.details } } = options;
  if (whole !== undefined) headers.set("Content-Type", "application/json");
  if (known) headers.set("If-None-Match", known.tag);
  if (user && path !== "/session") headers.set("X-Tokentab-User", user);
  if (method === "GET" && !isAsked()) headers.set("X-Tokentab-Background", "1");
  const body = whole === undefined ? undefined : JSON.stringify(whole);
  const init: RequestInit = { method, credentials: "same-origin", headers, body };
  const { response, answer } = await send(place, init, options.signal, options.rewrite);
  if (known && response.status === 304) {
    keep(place, known);
    return known.answer as T;
  }
  if (!response.ok || !isRecord(answer) || answer.status !== "success") throw failure(response, answer);
  const tag = response.headers.get("ETag");
  if (method === "GET" && tag) keep(place, { tag, answer });
  return answer as T;
}

/** The id of the user whom the page shows. Another tab may have signed in another one since. */
let user: string | undefined;

/** Says whom the page shows from now on, so that no request acts as another user. */
export function actAs(shown: string | undefined) {
  user = shown;
}

/** The last answers to GETs by path, for If-None-Match. Browsers store none of them. */
const answers = new Map<string, { tag: string; answer: unknown }>();

function keep(place: string, known: { tag: string; answer: unknown }) {
  answers.delete(place);
  answers.set(place, known);
  const [oldest = ""] = answers.keys();
  if (answers.size > 50) answers.delete(oldest);
}

/** Forgets the answers to the previous user. */
export function forgetAnswers() {
  answers.clear();
}

/* Whether the user was active since the last GET. Loading the page counts. */
let touched = true;
for (const deed of ["pointerdown", "keydown", "wheel", "touchmove", "focus"]) {
  window.addEventListener(deed, () => (touched = true), { capture: true, passive: true });
}

/** Whether the user caused a request. Others don't keep the session alive. */
function isAsked(): boolean {
  const asked = touched;
  touched = false;
  return asked;
}

/** The only fetch of the page. Resolves with any answer; rejects with an ApiError if there is none. */
export async function send(path: string, init: RequestInit, signal?: AbortSignal, rewrite?: Rewrite) {
  const limit = AbortSignal.timeout(patience);
  const sent = Date.now();
  try {
    const response = await fetch(`/api/v1${path}`, {
      ...init,
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    hearTime(response.headers.get("Date"), sent, Date.now());
    return { response, answer: parsed(await response.text(), rewrite) };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(
      0,
      "unreachable",
      "Tokentab can’t be reached. Check that it runs and that you are connected.",
    );
  }
}

export async function callForOne<T>(method: Method, path: string, options?: Options): Promise<T> {
  return (await call<One<T>>(method, path, options)).details;
}

/** A part of a list. `from` is the number of items before it, or the cursor of an earlier part. */
export const callForPart = <T>(
  path: string,
  from: number | string,
  size: number,
  query: Query,
  signal?: AbortSignal,
  rewrite?: Rewrite,
): Promise<List<T>> =>
  call("GET", path, {
    query: {
      ...query,
      [typeof from === "number" ? "pagination[offset]" : "pagination[after]"]: from,
      "pagination[page_size]": size,
    },
    signal,
    rewrite,
  });

/** All items of a list. */
export async function callForAll<T>(path: string, query: Query, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let offset: number | null = 0;
  while (offset !== null) {
    const page: List<T> = await callForPart<T>(path, offset, 100, query, signal);
    items.push(...page.summaries);
    offset = page.pagination.next_page_offset;
  }
  return items;
}

/** The message of an error of any kind. That of a 401 is for API clients, and the user reads it after signing in again. */
export function messageOf(error: unknown): string {
  if (isSignedOut(error)) return "Your session had ended. Try again.";
  if (!(error instanceof ApiError)) return "Something went wrong. Try again.";
  return [error.message, ...sentencesOf(Object.entries(error.fields))].join(" ");
}

/** The messages about fields, by their names in the API. */
export const sentencesOf = (fields: [name: string, texts: string[]][]) =>
  fields.flatMap(([name, texts]) => {
    const words = name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
    return texts.map((text) => sentence(words, text));
  });

/** The server's messages follow the field's name, such as "is wrong". */
export function sentence(label: string, text: string): string {
  return /^\p{Ll}/u.test(text) ? `${label} ${text}.` : text;
}

/** Says that a change was not carried out, such as "The invite was not revoked." */
export type Claim = `${string} ${"was" | "were"} not ${string}`;

/** What is known of a failed change. The claim holds only after a refusal. */
export function failedText(error: unknown, claim: Claim): string {
  const known = isRefusal(error) ? claim : claim.replace(/(.*) (was|were) not/, "$1 may not have been");
  return `${known} ${messageOf(error)}`;
}

/** Whether the server refused a request. After any other failure it may have carried it out, and its answer was lost. */
export const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && error.status >= 400 && error.status < 500;

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** The address of what the browser loads by itself, such as a download. */
export const addressOf = (path: string, query: Query) => `/api/v1${path}${queryString(query)}`;

function queryString(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined) search.append(key, String(one));
  }
  return search.size === 0 ? "" : `?${search}`;
}

function parsed(text: string, rewrite: Rewrite = (json) => json): unknown {
  try {
    return JSON.parse(rewrite(text));
  } catch {
    return null;
  }
}

export function failure(response: Response, answer: unknown): ApiError {
  const { code, message, errors } = isRecord(answer) ? answer : {};
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(wait) ? wait : null;
  // Tokentab gives each failure a code.
  if (typeof code !== "string" || typeof message !== "string") {
    const text = `A proxy answered instead of Tokentab (${response.status}). Try again, or reload the page.`;
    return new ApiError(502, "unexpected", text, {}, retryAfter);
  }
  const fields = fieldMessages(errors);
  // The message about a single field repeats that of the field.
  const repeats = Object.entries(fields).some(([name, [text]]) => message === `${name} ${text}`);
  return new ApiError(response.status, code, repeats ? "This is not valid." : message, fields, retryAfter);
}

/** A field has a list of messages or one nested error. */
function fieldMessages(errors: unknown): Record<string, string[]> {
  if (!isRecord(errors)) return {};
  const fields: Record<string, string[]> = {};
  for (const [field, value] of Object.entries(errors)) {
    const texts = Array.isArray(value) ? value : isRecord(value) ? [value.message] : [value];
    fields[field] = texts.filter((text) => typeof text === "string");
  }
  return fields;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
