// Better Auth as a peer in the bench: its API-key plugin on SQLite, behind a plain Node HTTP server. It has one user with
// one key, which it prints. Rate limits are off: the default refuses all but ten requests a day.
import { createServer } from "node:http";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import Database from "better-sqlite3";

const [address, folder] = process.argv.slice(2);
const [host, port] = address.split(":");
const database = new Database(`${folder}/better-auth.db`);
database.pragma("journal_mode = WAL");
const auth = betterAuth({
  database,
  baseURL: `http://${address}`,
  secret: "a secret of the bench, which guards nothing",
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
});
await (await getMigrations(auth.options)).runMigrations();
const { user } = await auth.api.signUpEmail({
  body: { name: "Bench", email: "bench@example.com", password: "a password for the bench" },
});
const { key } = await auth.api.createApiKey({ body: { userId: user.id, name: "bench" } });

createServer(async (request, response) => {
  const presented = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
  const { valid } = await auth.api.verifyApiKey({ body: { key: presented } });
  response.writeHead(valid ? 200 : 401, { "cache-control": "no-store", "content-length": 0 }).end();
}).listen(Number(port), host, () => console.log(key));
process.on("SIGTERM", () => process.exit(0));
