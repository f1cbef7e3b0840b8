import { hearTime } from "./servertime";
import type { Pagination, Sorting } from "./wire";

/** Milliseconds after which a request counts as failed, so that no dialog waits for ever. */
const patience = 30_000;

/** Milliseconds between two looks at the server while the page is visible. */
export const pollInterval = 4_000;

/** Why a call failed. `status` is 0 when no answer came at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Messages by field of the request; empty unless the code is `validation_errors`. */
    readonly fields: Record<string, string[]> = {},
    /** Seconds the server asks us to wait, when it does. */
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
export type Query = Record<string, string | number | undefined>;

interface Options {
  query?: Query;
  /** The fields of the request, for its envelope. */
  details?: object;
  body?: unknown;
  signal?: AbortSignal;
}

/** Resolves with the whole answer, rejects with an ApiError. */
export async function call<T>(method: Method, path: string, options: Options = {}): Promise<T> {
  const place = `${path}${queryString(options.query)}`;
  const known = method === "GET" ? answers.get(place) : undefined;
  const headers = new Headers({ Accept: "application/json" });
  const { body: whole = options.details && { details: options.details } } = options;
  if (whole !== undefined) headers.set("Content-Type", "application/json");
  if (known) headers.set("If-None-Match", known.tag);
  if (method === "GET" && !isAsked()) headers.set("X-Tokentab-Background", "1");
  const body = whole === undefined ? undefined : JSON.stringify(whole);
  const init: RequestInit = { method, credentials: "same-origin", headers, body };
  const { response, answer } = await send(place, init, options.signal);
  if (known && response.status === 304) {
    keep(place, known);
    return known.answer as T;
  }
  if (!response.ok || !isRecord(answer) || answer.status !== "success") throw failure(response, answer);
  const tag = response.headers.get("ETag");
  if (method === "GET" && tag) keep(place, { tag, answer });
  return answer as T;
}

/** The last answers to GETs by their place, so that an unchanged one need not come again. No browser stores them. */
const answers = new Map<string, { tag: string; answer: unknown }>();

/** How many answers are kept; older ones go first. */
const answersKept = 50;

function keep(place: string, known: { tag: string; answer: unknown }) {
  answers.delete(place);
  answers.set(place, known);
  for (const oldest of answers.keys()) {
    if (answers.size <= answersKept) break;
    answers.delete(oldest);
  }
}

/** Forgets every answer: they are those of the user who was signed in. */
export function forgetAnswers() {
  answers.clear();
}

/* Whether a person has done anything since the last request that counts as theirs. Loading the page does. */
let touched = true;
for (const deed of ["pointerdown", "keydown", "wheel", "touchmove", "focus"]) {
  window.addEventListener(deed, () => (touched = true), { capture: true, passive: true });
}

/** Whether a request is made for a person. Others, of a tab that no one uses, keep no session alive. */
function isAsked(): boolean {
  const asked = touched;
  touched = false;
  return asked;
}

/**
 * Asks about a token as a gateway does: the token is all that is sent of anybody. `need` is the query. Resolves with
 * the headers of the answer if the token passes, rejects with an ApiError if not.
 */
export async function validate(secret: string, need: string, signal: AbortSignal): Promise<Headers> {
  const { response, answer } = await send(
    `/validate?${need}`,
    { method: "GET", credentials: "omit", headers: { Authorization: `Bearer ${secret}` } },
    signal,
  );
  if (response.status !== 200) throw failure(response, answer);
  return response.headers;
}

/** The only fetch of the page. Resolves with any answer there is, rejects with an ApiError if there is none. */
async function send(path: string, init: RequestInit, signal?: AbortSignal) {
  const limit = AbortSignal.timeout(patience);
  const sent = Date.now();
  try {
    const response = await fetch(`/api/v1${path}`, {
      ...init,
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    hearTime(response.headers.get("Date"), sent, Date.now());
    return { response, answer: await readJson(response) };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(
      0,
      "unreachable",
      "Tokentab can’t be reached. Check that it runs and that you are connected.",
    );
  }
}

/** The one thing that the answer is about. */
export async function callForOne<T>(method: Method, path: string, options?: Options): Promise<T> {
  return (await call<One<T>>(method, path, options)).details;
}

/** One page of a list, counted from 1. */
export function callForPage<T>(
  path: string,
  page: number,
  pageSize: number,
  query: Query,
  signal?: AbortSignal,
): Promise<List<T>> {
  return call<List<T>>("GET", path, {
    query: { ...query, "pagination[offset]": (page - 1) * pageSize, "pagination[page_size]": pageSize },
    signal,
  });
}

/** Every item of a list, over as many pages as it takes. */
export async function callForAll<T>(path: string, query: Query, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let offset: number | null = 0;
  while (offset !== null) {
    const page: List<T> = await call<List<T>>("GET", path, {
      query: { ...query, "pagination[offset]": offset, "pagination[page_size]": 100 },
      signal,
    });
    items.push(...page.summaries);
    offset = page.pagination.next_page_offset;
  }
  return items;
}

/** What to tell a person about a failure of any kind. */
export function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : "Something went wrong. Try again.";
}

/** The messages of a failure by field of the request; none for a failure of another kind. */
export function fieldsOf(error: unknown): Record<string, string[]> {
  return error instanceof ApiError ? error.fields : {};
}

/** What to tell about a failure that no field of the form explains; null if there is nothing to tell. */
export function generalProblem(error: unknown, fields: string[]): string | null {
  const told = fieldsOf(error);
  return error && !fields.some((field) => told[field]?.length) ? messageOf(error) : null;
}

/** Whether the server no longer knows who is asking. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

function queryString(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failure(response: Response, answer: unknown): ApiError {
  const record = isRecord(answer) ? answer : {};
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(
    response.status,
    typeof record.code === "string" ? record.code : "unexpected",
    typeof record.message === "string"
      ? record.message
      : `The server answered with an error (${response.status}).`,
    fieldMessages(record.errors),
    Number.isFinite(wait) ? wait : null,
  );
}

/** The contract allows a field to hold a list of messages or one nested error. */
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
