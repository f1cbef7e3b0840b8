import { execFile, execFileSync, spawn } from "node:child_process";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { symlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const programs = {
  Node: () => [process.execPath, here("../docs/offline/verify.mjs")],
  Python: () => [
    execFileSync(here("python.sh"), { encoding: "utf8" }).trim(),
    here("../docs/offline/verify.py"),
  ],
};

/** Runs a program of docs/offline.md with a token. Returns the printed claims, or the reason of the refusal. */
function verify([command = "", ...args]: string[], token: string, issuer: string, audience = issuer) {
  return new Promise<{ claims?: Record<string, unknown>; reason: string }>((resolve) => {
    const env = { ...process.env, NO_PROXY: "127.0.0.1" };
    const run = execFile(command, [...args, issuer, audience], { env }, (error, stdout, stderr) =>
      resolve(error ? { reason: stderr } : { claims: JSON.parse(stdout), reason: "" }),
    );
    run.stdin?.end(`${token}\n`);
  });
}

for (const [language, program] of Object.entries(programs)) {
  test(`${language} accepts a token offline while it is active, and refuses it from the change on`, async ({
    api,
  }) => {
    await api.setUp();
    const run = program();
    const { details, token } = await issue(api);
    const reason = async () => (await verify(run, token, api.origin)).reason;
    const { claims } = await verify(run, token, api.origin);
    expect(claims).toMatchObject({ iss: api.origin, scope: "account", client_id: details.id });

    await api.act(`/api_token/${details.id}/suspend`);
    expect(await reason()).toBe("refused: the token is suspended\n");
    await api.act(`/api_token/${details.id}/activate`);
    expect(await reason()).toBe("");
    await api.act(`/api_token/${details.id}/revoke`);
    expect(await reason()).toBe("refused: the token is revoked\n");
    await api.remove(`/api_token/${details.id}`);
    expect(await reason()).toBe("refused: the token is revoked\n");
  });

  test(`${language} refuses offline what is forged, over, or for somebody else`, async ({ api }) => {
    await api.setUp();
    const run = program();
    const soon = new Date(Date.now() + 2_000).toISOString();
    const over = (await issue(api, { expires_at: soon })).token;
    const { token } = await issue(api);
    expect((await verify(run, token, api.origin)).reason).toBe("");
    for (const [name, forged] of Object.entries(await forgeries(api, token))) {
      const { claims, reason } = await verify(run, forged, api.origin);
      expect(claims, name).toBeUndefined();
      expect(reason, name).toMatch(/^refused: .*(signature|alg|ES256|typ|type|key|JW[ST]|segments)/i);
    }
    expect((await verify(run, token, api.origin, "https://another.example")).reason).toMatch(/aud/i);
    await expect.poll(async () => (await api.ping(over)).status).toBe(401);
    expect((await verify(run, over, api.origin)).reason).toMatch(/"exp" claim|has expired/);
  });
}

for (const [language, program] of Object.entries(programs)) {
  test(`${language} verifies a token too if a link leads to the program`, async ({ api }, testInfo) => {
    await api.setUp();
    const [command = "", file = ""] = program();
    const link = testInfo.outputPath(file.endsWith(".py") ? "linked.py" : "linked.mjs");
    symlinkSync(file, link);
    const { details, token } = await issue(api);
    expect((await verify([command, link], token, api.origin)).claims).toMatchObject({
      client_id: details.id,
    });
    expect((await verify([command, link], "forged", api.origin)).reason).toMatch(/^refused: /);
  });
}

/**
 * Programs with one verifier and settable clocks. Each input line has how many minutes the clock is ahead, how many have passed,
 * and a token; the output is a word.
 */
const services = {
  Node: () => [
    process.execPath,
    "--input-type=module",
    "--eval",
    `import { symlinkSync } from "node:fs";
import { createInterface } from "node:readline";
const [issuer, file] = process.argv.slice(1);
const { Verifier } = await import(file);
let [ahead, passed] = [0, 0];
const verifier = new Verifier(issuer, issuer, {
  now: () => Date.now() + ahead * 60_000,
  elapsed: () => performance.now() + passed * 60_000,
});
for await (const line of createInterface({ input: process.stdin })) {
  let token;
  [ahead, passed, token] = line.split(" ");
  console.log(await verifier.verify(token).then(() => "good", (error) => error.message));
}`,
  ],
  Python: () => [
    execFileSync(here("python.sh"), { encoding: "utf8" }).trim(),
    "-c",
    `import importlib.util, sys, time
_, issuer, file = sys.argv
spec = importlib.util.spec_from_file_location("verify", file)
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
now, running = time.time, time.monotonic
verifier = verify.Verifier(issuer, issuer)
for line in sys.stdin:
    ahead, passed, token = line.split()
    time.time = lambda: now() + float(ahead) * 60
    time.monotonic = lambda: running() + float(passed) * 60
    try:
        verifier.verify(token)
        print("good", flush=True)
    except Exception as reason:
        print(reason, flush=True)`,
  ],
};

/** Starts such a program. ask returns its word; passed is as far as the clock is ahead unless that is wrong. */
function startService(language: string, origin: string) {
  const [command = "", ...args] = services[language as keyof typeof services]();
  const file = programs[language as keyof typeof programs]().at(-1) ?? "";
  const program = spawn(command, [...args, origin, file], {
    env: { ...process.env, NO_PROXY: "127.0.0.1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (ahead: number, token: string, passed = ahead) => {
      program.stdin.write(`${ahead} ${passed} ${token}\n`);
      return (await lines.next()).value;
    },
    end: () => program.stdin.end(),
  };
}

for (const language of Object.keys(services)) {
  test(`${language} goes on with what it has while nobody answers, whatever it is asked meanwhile`, async ({
    api,
    server,
  }) => {
    await api.setUp();
    const { token } = await issue(api);
    const { "a foreign key with its own id": forged = "" } = await forgeries(api, token);
    const { ask, end } = startService(language, server.origin);
    expect(await ask(-1.5, token)).toMatch(/not valid yet/);
    expect(await ask(-0.95, token)).toBe("good");
    expect(await ask(0, token)).toBe("good");
    await server.stop();
    expect(await ask(1, token)).toBe("good");
    for (const minutes of [6, 11, 49]) {
      expect(await ask(minutes, forged)).not.toBe("good");
      expect(await ask(minutes, forged)).not.toBe("good");
      expect(await ask(minutes, token)).toBe("good");
    }
    expect(await ask(61, token)).toMatch(/refused|fetch failed/i);
    end();
  });

  test(`${language} fetches in time after its clock was ahead for a while`, async ({ api }) => {
    await api.setUp();
    const { details, token } = await issue(api);
    const { ask, end } = startService(language, api.origin);
    expect(await ask(120, token, 0), "lists have expired").toMatch(/"exp" claim|has expired/);
    expect(await ask(0, token, 1), "with the right time, after the wait").toBe("good");
    expect(await ask(30, token, 3)).toBe("good");
    await api.act(`/api_token/${details.id}/revoke`);
    expect(await ask(0, token, 5), "after the time to keep a list").toBe("the token is revoked");
    end();
  });
}

test("Node fetches a list once per ttl, sees a change after it, and trusts no expired list", async ({
  api,
}) => {
  await api.setUp();
  const { Verifier }: { Verifier: OfflineVerifier } = await import(here("../docs/offline/verify.mjs"));
  const { details, token } = await issue(api);
  const start = Date.now();
  let [passed, fetched, unchanged, down] = [0, 0, 0, false];
  const verifier = new Verifier(api.origin, api.origin, {
    now: () => start + passed,
    elapsed: () => passed,
    fetch: async (...args) => {
      if (String(args[0]).includes("/status-lists/")) fetched += 1;
      if (down) throw new Error("the network is down");
      const answer = await fetch(...args);
      if (answer.status === 304) unchanged += 1;
      return answer;
    },
  });
  await Promise.all([verifier.verify(token), verifier.verify(token)]);
  await api.act(`/api_token/${details.id}/suspend`);
  passed = 59_000;
  await verifier.verify(token);
  expect(fetched).toBe(1);
  passed = 60_000;
  await expect(verifier.verify(token)).rejects.toThrow("the token is suspended");
  expect(fetched).toBe(2);

  await api.act(`/api_token/${details.id}/activate`);
  passed = 120_000;
  await verifier.verify(token);
  passed += 60_000;
  await verifier.verify(token);
  expect(unchanged).toBe(1);
  down = true;
  passed += 60_000;
  await verifier.verify(token);
  await verifier.verify(token);
  expect(fetched).toBe(5);
  passed += 3_600_000;
  await expect(verifier.verify(token)).rejects.toThrow("the network is down");
});

/**
 * Programs whose verifier is asked by four callers at once while the list, or the keys, do not come; then about junk; and once
 * more after the fetch has failed, and ten seconds later. They print the reasons and how often was asked.
 */
const stalled = {
  Node: () => [
    process.execPath,
    "--input-type=module",
    "--eval",
    `const [issuer, file, part, token, forged] = process.argv.slice(1);
const { Verifier } = await import(file);
let [passed, tries, down, fail, arrived] = [0, 0, true];
const asked = new Promise((resolve) => { arrived = resolve; });
const verifier = new Verifier(issuer, issuer, {
  now: () => Date.now() + passed,
  elapsed: () => performance.now() + passed,
  fetch: (url, options) => {
    if (!down || !String(url).includes(part)) return fetch(url, options);
    tries += 1;
    arrived();
    return new Promise((_, reject) => { fail = () => reject(new Error("no answer")); });
  },
});
const reason = (asked) => verifier.verify(asked).then(() => "good", (error) => error.message);
const callers = [1, 2, 3, 4].map(() => reason(token));
await asked;
const junk = [await reason("junk"), part.includes("list") ? await reason(forged) : ""];
fail();
const reasons = [...(await Promise.all(callers)), await reason(token)];
[down, passed] = [false, 10_000];
console.log(JSON.stringify({ junk, reasons, tries, later: await reason(token) }));`,
  ],
  Python: () => [
    execFileSync(here("python.sh"), { encoding: "utf8" }).trim(),
    "-c",
    `import importlib.util, json, sys, threading, time, urllib.request
_, issuer, file, part, token, forged = sys.argv
spec = importlib.util.spec_from_file_location("verify", file)
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
asked, over, tries, down, real = threading.Event(), threading.Event(), [], True, urllib.request.urlopen
def urlopen(request, timeout):
    if not down or part not in request.full_url:
        return real(request, timeout=timeout)
    tries.append(timeout)
    asked.set()
    over.wait()
    raise TimeoutError("no answer")
urllib.request.urlopen = urlopen
verifier = verify.Verifier(issuer, issuer)
def reason(asked):
    try:
        verifier.verify(asked)
        return "good"
    except Exception as refused:
        return str(refused)
reasons = []
callers = [threading.Thread(target=lambda: reasons.append(reason(token))) for _ in range(4)]
for caller in callers:
    caller.start()
asked.wait()
junk = [reason("junk"), reason(forged) if "list" in part else ""]
over.set()
for caller in callers:
    caller.join()
reasons.append(reason(token))
running = time.monotonic
down, time.monotonic = False, lambda: running() + 10
print(json.dumps({"junk": junk, "reasons": reasons, "tries": len(tries), "later": reason(token)}))`,
  ],
};

for (const [language, program] of Object.entries(stalled)) {
  test(`${language} fetches once for all callers while nothing comes, and lets no other call wait`, async ({
    api,
  }) => {
    await api.setUp();
    const { token } = await issue(api);
    const { "a foreign key with its own id": forged = "" } = await forgeries(api, token);
    const file = programs[language as keyof typeof programs]().at(-1) ?? "";
    for (const part of ["/status-lists/", "/jwks.json"]) {
      const [command = "", ...args] = program();
      const env = { ...process.env, NO_PROXY: "127.0.0.1" };
      const printed = execFileSync(command, [...args, api.origin, file, part, token, forged], { env });
      const { junk, reasons, tries, later } = JSON.parse(printed.toString());
      expect(junk, part).not.toContain("good");
      expect(reasons, part).toHaveLength(5);
      for (const reason of reasons) expect(reason, part).toContain("no answer");
      expect(tries, part).toBe(1);
      expect(later, part).toBe("good");
    }
  });
}

type OfflineVerifier = new (
  issuer: string,
  audience: string,
  outside: { now: () => number; elapsed: () => number; fetch: typeof fetch },
) => { verify: (token: string) => Promise<Record<string, unknown>> };

function issue(api: Api, more: object = {}): Promise<Created> {
  return api.create<Created>("/api_token", { token_scope: "account", ...more });
}

/** Forged variants of the token. */
async function forgeries({ origin }: Api, token: string): Promise<Record<string, string>> {
  const published = await (await fetch(`${origin}/.well-known/jwks.json`)).text();
  const list = await (await fetch(`${origin}/status-lists/1`)).text();
  const [header = "", payload = "", signature = ""] = token.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url").toString());
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const unsigned = (alg: string, id = kid) => `${encode({ alg, typ: "at+jwt", kid: id })}.${payload}`;
  const hmac = (text: string) => createHmac("sha256", published).update(text).digest("base64url");
  const foreign = (text: string) =>
    sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  return {
    "a changed claim": `${header}.${encode({ ...claims, scope: "everything" })}.${signature}`,
    "alg none": `${unsigned("none")}.`,
    "HS256 with the public key": `${unsigned("HS256")}.${hmac(unsigned("HS256"))}`,
    "a foreign key with our id": `${unsigned("ES256")}.${foreign(unsigned("ES256"))}`,
    "a foreign key with its own id": `${unsigned("ES256", "theirs")}.${foreign(unsigned("ES256", "theirs"))}`,
    "without its signature": `${header}.${payload}.`,
    "a status list": list,
    nothing: "",
  };
}
