import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError, failure, messageOf, send } from "../../api";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { CodeBlock } from "../../ui/code-block";
import { Field } from "../../ui/field";
import { Notice } from "../../ui/notice";
import { Section } from "../../ui/section";

const identityHeaders = [
  "X-Token-Id",
  "X-Token-Scope",
  "X-Account-Id",
  "X-Environment-Id",
  "X-Agent-Id",
  "X-Agent-Deployment-Id",
  "X-Token-Expires-At",
];

interface Outcome {
  /** The requirements of this result; it does not apply to others. */
  need: string;
  result: Headers | unknown;
}

/** Sends the gateway's request. The token is only in its field, never in a state or cache. */
export function TestRequest({ need, publicUrl }: { need: string; publicUrl: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  const leaving = useRef<AbortController>(null);
  useEffect(() => {
    const here = new AbortController();
    leaving.current = here;
    return () => here.abort();
  }, []);

  async function ask(event: FormEvent) {
    event.preventDefault();
    const signal = leaving.current?.signal;
    if (busy || !signal) return;
    const token = field.current?.value.trim() ?? "";
    const wrong = problemOf(token);
    setProblem(wrong);
    if (wrong) {
      field.current?.focus();
      return;
    }
    setBusy(true);
    const result = await validate(token, need, signal).catch((error: unknown) => error);
    if (signal.aborted) return;
    setOutcome({ need, result });
    setBusy(false);
  }

  return (
    <Section
      title="Test request"
      text="Sends Tokentab the same request as the gateway, with a token you enter."
    >
      <form noValidate onSubmit={ask} className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <Field
            ref={field}
            label="Token"
            type="password"
            autoComplete="off"
            spellCheck={false}
            errors={problem ? [problem] : []}
            onChange={() => setProblem(undefined)}
          />
        </div>
        <Button type="submit" busy={busy} className="mt-6.5">
          Send test request
        </Button>
      </form>
      <div role="status" className="mt-3 empty:hidden">
        {outcome?.need === need && <Result result={outcome.result} />}
      </div>
      <div className="mt-4">
        <CodeBlock
          name="Same request with curl"
          text={`curl -i -H "Authorization: Bearer $TOKEN" \\\n  "${publicUrl}/api/v1/validate?${need}"`}
          wrap
        />
      </div>
    </Section>
  );
}

/** Characters that a header can't carry would look like a network failure. */
function problemOf(token: string): string | undefined {
  if (token === "") return "Enter a token.";
  return /^[\x21-\x7e]+$/.test(token) ? undefined : "A token has no spaces or special characters.";
}

function Result({ result }: { result: unknown }) {
  if (result instanceof Headers) {
    return (
      <div className="rounded-box border border-line">
        <Line tone="good" word="Passes">
          The application gets these headers.
        </Line>
        <dl className="divide-y divide-line border-t border-line">
          {identityHeaders.map((name) => (
            <div key={name} className="grid gap-x-4 px-3 py-1.5 sm:grid-cols-[176px_minmax(0,1fr)]">
              <dt className="text-soft">{name}</dt>
              <dd className="font-mono text-small/5 wrap-anywhere">
                {result.get(name) || <span className="text-soft">empty</span>}
              </dd>
            </div>
          ))}
        </dl>
      </div>
    );
  }
  if (result instanceof ApiError && (result.status === 401 || result.status === 403)) {
    return (
      <div className="rounded-box border border-line">
        <Line tone="ended" word="Refused">
          {result.message} <span className="text-soft">The caller gets</span>{" "}
          <code className="font-mono text-small whitespace-nowrap">
            {result.status} {result.code}
          </code>
          .
        </Line>
      </div>
    );
  }
  return (
    <Notice tone="bad">{messageOf(result)} Until Tokentab answers, gateways refuse every request.</Notice>
  );
}

function Line({ tone, word, children }: { tone: "good" | "ended"; word: string; children: React.ReactNode }) {
  return (
    <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1 px-3 py-2.5">
      <Badge tone={tone}>{word}</Badge>
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </p>
  );
}

/**
 * Sends the request of a gateway, without the session. `need` is its query. Resolves with the headers of the answer if
 * the token passes, else rejects with an ApiError.
 */
async function validate(secret: string, need: string, signal: AbortSignal): Promise<Headers> {
  const { response, answer } = await send(
    `/validate?${need}`,
    { method: "GET", credentials: "omit", headers: { Authorization: `Bearer ${secret}` } },
    signal,
  );
  if (response.status !== 200) throw failure(response, answer);
  return response.headers;
}
