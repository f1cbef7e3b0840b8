import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "@playwright/test";
import { freePort } from "./gateway";

const binary = join(dirname(fileURLToPath(import.meta.url)), "..", "bin", "tokentab");

/** A running program with its own data folder. */
export interface Server {
  origin: string;
  /** The setup link that the program printed. */
  setupLink: string;
  /** The code in the setup link. */
  setupCode: string;
  /** Its standard error so far. */
  log: () => string;
  /** Ends it by SIGTERM, checks for a clean exit, and removes its data. More calls do nothing. */
  stop: () => Promise<void>;
}

/** `flags` are more flags of `serve`. */
export async function startServer(flags: string[] = []): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), "tokentab-e2e-"));
  const listen = `127.0.0.1:${await freePort()}`;
  // Settings of the user who runs the tests must not reach the program under test.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("TOKENTAB_")),
  );
  const program = spawn(binary, ["serve", "--data", data, "--listen", listen, ...flags], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  program.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exit = exitOf(program);
  const end = async () => {
    program.kill("SIGTERM");
    const how = await exit;
    await rm(data, { recursive: true, force: true });
    return how;
  };
  try {
    const line = await Promise.race([
      firstLine(program),
      exit.then((how) => Promise.reject(new Error(`The server ended (${how}) before it was ready:\n${log}`))),
    ]);
    const setupLink = line.match(/http:\S+$/)?.[0];
    if (!setupLink) throw new Error(`The server printed no link: ${line}`);
    const page = await (await fetch(`http://${listen}`)).text();
    if (page.includes("not built")) throw new Error(`${binary} was built without the page: run make build.`);
    return {
      origin: `http://${listen}`,
      setupLink,
      setupCode: new URL(setupLink).hash.slice(1),
      log: () => log,
      stop: async () => expect(await end(), `The server did not end cleanly:\n${log}`).toBe("code 0"),
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function firstLine(program: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (!program.stdout) return reject(new Error("no standard output"));
    createInterface({ input: program.stdout }).once("line", resolve);
  });
}

function exitOf(program: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    program.once("error", reject);
    program.once("exit", (code, signal) => resolve(signal ? `signal ${signal}` : `code ${code}`));
  });
}
