/** Valid addresses. Each part is checked, so that none has another meaning in a configuration. */
export interface Addresses {
  tokentab: Address;
  application: Address;
  /** The port the gateway listens on. */
  port: number;
}

export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  host: string;
  port: number;
}

const name = /^(?=.{1,253}$)[a-z0-9]([\w-]*[a-z0-9])?(\.[a-z0-9]([\w-]*[a-z0-9])?)*$/i;

/** Reads a text like "10.0.0.5:9000" or "[::1]:9000"; null if it is none. */
export function readAddress(text: string): Address | null {
  const [, host = "", number = ""] = /^(.+):(\d+)$/.exec(text.trim()) ?? [];
  const port = readPort(number);
  if (port === null) return null;
  if (name.test(host)) return { host, port };
  const inner = /^\[([0-9a-f:.]+)\]$/i.exec(host)?.[1];
  return inner && URL.canParse(`http://[${inner}]/`) ? { host: inner, port } : null;
}

/** Reads a port; null if it is none. */
export function readPort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

/** The address with its port, as URLs and most configurations write it. */
export function writeAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The initial address of Tokentab: that of this page or, if the page uses TLS, the default one. Gateways connect to
 * Tokentab over plain HTTP.
 */
export function usualAddress({
  protocol,
  hostname,
  port,
}: Pick<Location, "protocol" | "hostname" | "port">): string {
  return protocol === "http:" ? `${hostname}:${port || 80}` : "127.0.0.1:8080";
}
