import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "@playwright/test";

const here = dirname(fileURLToPath(import.meta.url));

/** How a gateway runs in the foreground. Tests make it listen on loopback only. */
export const runnable = {
  nginx: {
    file: "nginx.conf",
    everywhere: "listen *:",
    onLoopback: "listen 127.0.0.1:",
    program: () => program("nginx", "nginx-light"),
    args: (folder: string) => {
      const settings = `daemon off; pid ${folder}/nginx.pid; error_log stderr;`;
      return ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf"), "-g", settings];
    },
  },
  Caddy: {
    file: "Caddyfile",
    everywhere: "\tadmin off",
    onLoopback: "\tdefault_bind 127.0.0.1\n\tadmin off",
    program: () => program("caddy", "caddy"),
    args: (folder: string) => ["run", "--config", join(folder, "Caddyfile")],
  },
};

/** The path of the program, which is installed if necessary. */
function program(name: string, debianPackage: string): string {
  const why = "The configurations that the page writes are run.";
  return execFileSync(join(here, "need.sh"), [name, why, debianPackage], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  }).trim();
}

/** A gateway that runs with the configuration in a folder. */
export async function startGateway(name: keyof typeof runnable, folder: string): Promise<Running> {
  const { program, args, file, everywhere, onLoopback } = runnable[name];
  const text = await readFile(join(folder, file), "utf8");
  expect(text.split(everywhere)).toHaveLength(2);
  await writeFile(join(folder, file), text.replace(everywhere, onLoopback));
  return running(
    spawn(program(), args(folder), {
      // Caddy stores files in its home folder.
      env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

export interface Running {
  /** Its output so far. */
  log: () => string;
  stop: () => Promise<void>;
}

function running(child: ChildProcess): Running {
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = once(child, "exit");
  return {
    log: () => log,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

export interface Application {
  address: string;
  /** The headers of every forwarded request. */
  seen: IncomingHttpHeaders[];
  stop: () => Promise<void>;
}

/** The application behind the gateway: answers every request and records its headers. */
export async function startApplication(): Promise<Application> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.end("from the application");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** A free port. */
export async function freePort(): Promise<number> {
  const probe = createSocket().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
