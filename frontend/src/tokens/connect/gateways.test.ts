import { describe, expect, test } from "vitest";
import { type Filling, fillIn, type Gateway, gateways } from "./gateways";

const need = "account_id=1&scope=account&environment_id=2";
const given: Filling = {
  tokentab: { host: "tokens.internal", port: 8181 },
  application: { host: "10.0.0.7", port: 3000 },
  port: 8443,
  need,
};

/** The texts in each gateway's files, and their number. */
const wanted: Record<Gateway, [text: string, times: number][]> = {
  nginx: [
    ["server tokens.internal:8181;", 1],
    ["server 10.0.0.7:3000;", 1],
    ["listen *:8443;", 1],
    [`proxy_pass http://tokentab/api/v1/validate?${need};`, 1],
  ],
  caddy: [
    ["\n:8443 {", 1],
    ["forward_auth tokens.internal:8181 {", 1],
    ["reverse_proxy 10.0.0.7:3000\n", 1],
    [`uri /api/v1/validate?${need} `, 1],
  ],
  traefik: [
    ['address: ":8443"', 1],
    ["- url: http://10.0.0.7:3000\n", 1],
    [`address: http://tokens.internal:8181/api/v1/validate?${need}\n`, 1],
  ],
  envoy: [
    ["{ address: 0.0.0.0, port_value: 8443 }", 1],
    ["uri: http://tokens.internal:8181\n", 1],
    ['{ address: "tokens.internal", port_value: 8181 }', 1],
    ['{ address: "10.0.0.7", port_value: 3000 }', 1],
    ["path_prefix: /api/v1/validate\n", 1],
    [`value: ${need}\n`, 1],
  ],
};

const all = Object.keys(gateways) as Gateway[];

function written(gateway: Gateway, values = given): string {
  return gateways[gateway].files
    .flatMap(({ text }) => fillIn(text, values))
    .map(({ text }) => text)
    .join("");
}

const shipped = (gateway: Gateway) => gateways[gateway].files.map(({ text }) => text).join("");

describe.each(all)("the configuration of %s", (gateway) => {
  test.each(wanted[gateway])("holds “%s”", (text, times) => {
    expect(written(gateway).split(text).length - 1).toBe(times);
  });

  test("contains nothing of the example", () => {
    expect(written(gateway)).not.toMatch(/127\.0\.0\.1|\b(8080|9000|8000)\b|scope=account&scope=environment/);
  });

  test("is the shipped file except for the filled places", () => {
    const pieces = gateways[gateway].files.flatMap(({ text }) => fillIn(text, given));
    let rest = shipped(gateway);
    for (const { text } of pieces.filter(({ filled }) => !filled)) {
      const at = rest.indexOf(text);
      expect(at).toBeGreaterThanOrEqual(0);
      rest = rest.slice(at + text.length);
    }
    expect(written(gateway).split("\n")).toHaveLength(shipped(gateway).split("\n").length);
  });

  test("with the example's values is the shipped file, except for the requirements", () => {
    const example = written(gateway, {
      tokentab: { host: "127.0.0.1", port: 8080 },
      application: { host: "127.0.0.1", port: 9000 },
      port: 8000,
      need: "",
    });
    const withoutNeed = (text: string) =>
      text.replace(/validate\?/g, "validate").replace(/(value: )scope=.*/, "$1");
    expect(withoutNeed(example)).toBe(withoutNeed(shipped(gateway)));
  });

  test("fills each place once, for any addresses", () => {
    const swapped = written(gateway, {
      ...given,
      tokentab: { host: "127.0.0.1", port: 9000 },
      application: { host: "127.0.0.1", port: 8000 },
    });
    expect(swapped).toMatch(/127\.0\.0\.1(:|", port_value: )8000/);
    expect(swapped).toMatch(/127\.0\.0\.1(:|", port_value: )9000/);
  });

  test("accepts IPv6 addresses", () => {
    const six = written(gateway, { ...given, tokentab: { host: "::1", port: 8080 } });
    expect(six).toContain("[::1]:8080");
    expect(six).not.toMatch(/address: :/);
  });
});

test("Envoy gets an IPv6 address without brackets, quoted", () => {
  expect(written("envoy", { ...given, tokentab: { host: "::1", port: 8080 } })).toContain(
    '{ address: "::1", port_value: 8080 }',
  );
});
