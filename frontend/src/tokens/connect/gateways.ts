import caddyfile from "../../../../deploy/Caddyfile?raw";
import envoy from "../../../../deploy/envoy.yaml?raw";
import nginx from "../../../../deploy/nginx.conf?raw";
import traefik from "../../../../deploy/traefik.yml?raw";
import traefikDynamic from "../../../../deploy/traefik-dynamic.yml?raw";
import { type Address, type Addresses, writeAddress } from "./addresses";

export type Gateway = "nginx" | "caddy" | "traefik" | "envoy";

interface ConfigFile {
  name: string;
  /** The shipped text, with example addresses and a requirement that every active token satisfies. */
  text: string;
}

export const gateways: Record<Gateway, { label: string; files: ConfigFile[] }> = {
  nginx: { label: "nginx", files: [{ name: "nginx.conf", text: nginx }] },
  caddy: { label: "Caddy", files: [{ name: "Caddyfile", text: caddyfile }] },
  traefik: {
    label: "Traefik",
    files: [
      { name: "traefik.yml", text: traefik },
      { name: "traefik-dynamic.yml", text: traefikDynamic },
    ],
  },
  envoy: { label: "Envoy", files: [{ name: "envoy.yaml", text: envoy }] },
};

interface Piece {
  text: string;
  filled: boolean;
  /** The index among the pieces. */
  at: number;
}

export interface Filling extends Addresses {
  /** The requirements in the server's syntax. */
  need: string;
}

/** The placeholders of the shipped files and their values. */
const places: { pattern: RegExp; value: (given: Filling) => string }[] = [
  { pattern: /127\.0\.0\.1:8080\b/, value: ({ tokentab }) => writeAddress(tokentab) },
  { pattern: /127\.0\.0\.1:9000\b/, value: ({ application }) => writeAddress(application) },
  // Envoy writes host and port apart.
  { pattern: /address: "127\.0\.0\.1", port_value: 8080\b/, value: ({ tokentab }) => apart(tokentab) },
  { pattern: /address: "127\.0\.0\.1", port_value: 9000\b/, value: ({ application }) => apart(application) },
  { pattern: /\b8000\b/, value: ({ port }) => String(port) },
  // Requirements are in the endpoint's query or, if clients can add to the query, in a header.
  {
    pattern: /(?<!#.*|path_prefix: )\/api\/v1\/validate\b\??/,
    value: ({ need }) => `/api/v1/validate?${need}`,
  },
  { pattern: /scope=account&scope=environment&scope=agent_deployment\b/, value: ({ need }) => need },
];

const anyPlace = new RegExp(`(${places.map(({ pattern }) => pattern.source).join("|")})`);

/** A shipped file with these values. Values are not searched for placeholders. */
export function fillIn(text: string, given: Filling): Piece[] {
  return text.split(anyPlace).map((piece, at) => {
    // Every second piece is a place.
    const place = at % 2 === 1 ? places.find(({ pattern }) => pattern.test(piece)) : undefined;
    return place ? { text: place.value(given), filled: true, at } : { text: piece, filled: false, at };
  });
}

function apart({ host, port }: Address): string {
  // Quoted, since YAML takes a host such as "on" for something else.
  return `address: "${host}", port_value: ${port}`;
}
