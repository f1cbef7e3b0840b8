import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Created } from "./api";
import { expect, test } from "./fixtures";

test("a fresh program serves every group of the API to the command-line client", async ({
  api,
  signedIn: _,
}) => {
  const { token } = await api.create<Created>("/api_token", { token_scope: "account" });
  const script = fileURLToPath(new URL("contract.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    env: { ...process.env, PREFACTOR_API_URL: api.origin, PREFACTOR_API_TOKEN: token },
  });
  expect(stdout.match(/^ok /gm)).toHaveLength(14);
});
