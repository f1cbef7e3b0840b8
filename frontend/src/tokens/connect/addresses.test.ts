import { describe, expect, test } from "vitest";
import { readAddress, readPort, usualAddress, writeAddress } from "./addresses";

describe("an address", () => {
  test.each([
    ["127.0.0.1:9000", "127.0.0.1", 9000],
    [" tokens.internal:80 ", "tokens.internal", 80],
    ["localhost:65535", "localhost", 65_535],
    ["token_tab-1:1", "token_tab-1", 1],
    ["[::1]:8080", "::1", 8080],
    ["[2001:db8::7]:443", "2001:db8::7", 443],
  ])("is read from %j", (text, host, port) => {
    const address = readAddress(text);
    expect(address).toEqual({ host, port });
    expect(address && writeAddress(address)).toBe(text.trim());
  });

  test.each([
    "",
    "127.0.0.1",
    ":9000",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:9000/",
    "http://127.0.0.1:9000",
    "user@host:9000",
    "host:9000; return 200;:1",
    "host{:1",
    "a b:1",
    "a\nb:1",
    "a#b:1",
    '"a":1',
    "$host:1",
    "a,b:1",
    "-a:1",
    "a-:1",
    "a..b:1",
    "::1:8080",
    "[::1:8080",
    "[:::1]:8080",
    "[1]:8080",
    `${"a".repeat(254)}:1`,
    "höst:1",
  ])("is not read from %j", (text) => {
    expect(readAddress(text)).toBeNull();
  });

  test("of Tokentab is initially the page's own, or the default if the page uses TLS", () => {
    const at = (url: string) => usualAddress(new URL(url) as unknown as Location);
    expect(at("http://192.168.1.5:8080/x")).toBe("192.168.1.5:8080");
    expect(at("http://tokens.example.com/")).toBe("tokens.example.com:80");
    expect(at("http://[::1]:8080/")).toBe("[::1]:8080");
    expect(at("https://tokens.example.com/")).toBe("127.0.0.1:8080");
  });
});

test("a port is a whole number from 1 to 65535", () => {
  expect(["1", "8000", " 65535 "].map(readPort)).toEqual([1, 8000, 65_535]);
  expect(["", "0", "65536", "80a", "-1", "1.5", "1e3", "８０"].map(readPort)).toEqual(Array(8).fill(null));
});
