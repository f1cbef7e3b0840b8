import { screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { failure, network, sent } from "../testing/network";
import { open } from "../testing/render";
import { backup, list, one, signedIn, token } from "../testing/samples";

const restore = {
  made_at: "2026-01-31T12:00:00.000Z",
  restored_at: "2026-02-01T12:00:00.000Z",
  suspended: false,
  reviewed: false,
};

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([token()]));
});

test("a restored database is announced until an admin user has reviewed the tokens", async () => {
  network.on("GET /backup", one(backup({ restore })));
  network.on("POST /backup/review_restore", () => {
    network.on("GET /backup", one(backup({ restore: { ...restore, reviewed: true } })));
    return one(backup({ restore: { ...restore, reviewed: true } }));
  });
  const { user } = open("/account/api-tokens");
  expect(
    await screen.findByText(/Tokens that were revoked or suspended since then may work again/),
  ).toBeVisible();
  await user.click(screen.getByRole("button", { name: "I have reviewed the tokens" }));
  await waitFor(() => expect(screen.queryByText(/Restored from a backup/)).not.toBeInTheDocument());
  expect(sent.filter(({ route }) => route === "POST /backup/review_restore")).toHaveLength(1);
});

test("a database that lost changes is announced likewise", async () => {
  network.on("GET /backup", one(backup({ restore: { ...restore, made_at: null } })));
  open("/account/api-tokens");
  expect(await screen.findByText(/that the database lost changes/)).toHaveTextContent(
    /Tokens that were revoked or suspended before then may work again/,
  );
});

test("a review that fails leaves the warning", async () => {
  network.on("GET /backup", one(backup({ restore: { ...restore, suspended: true } })));
  network.on("POST /backup/review_restore", failure(403, "forbidden", "Viewers may not do this."));
  const { user } = open("/account/api-tokens");
  expect(await screen.findByText(/Activate those that you still trust/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "I have reviewed the tokens" }));
  expect(await screen.findAllByText(/Viewers may not do this/)).not.toHaveLength(0);
  expect(screen.getByText(/Restored from a backup/)).toBeVisible();
});

test("a failed backup is announced with its cause", async () => {
  network.on("GET /backup", one(backup({ failure: "disk_full", failed_at: "2026-02-01T12:00:00.000Z" })));
  open("/account/api-tokens");
  expect(await screen.findByText(/The disk for backups is full/)).toBeVisible();
});
