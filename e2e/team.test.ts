import { expect, test } from "./fixtures";
import { expectSignedOut, signIn } from "./sign-in";
import { choose, copyAndClose, submitNewToken } from "./tokens";

const guest = { email: "grace@acme.example", name: "Grace Hopper", password: "a moth in the relay" };

test("an invited member works until removal, which ends session, password, tokens and link at once", async ({
  page,
  api,
  server,
  openStranger,
  problems,
  signedIn: _,
}) => {
  await page.goto("/account/invites");
  await page.getByRole("button", { name: "Invite a team member" }).click();
  const form = page.getByRole("dialog", { name: "Invite a team member" });
  await form.getByRole("textbox", { name: "Email" }).fill(guest.email);
  await form.getByRole("button", { name: "Create invite" }).click();
  const created = page.getByRole("dialog", { name: "Invite created" });
  await expect(created).toContainText(`No mail was sent. Give this link to ${guest.email} yourself.`);
  const link = await created.getByRole("textbox", { name: "Invite URL" }).inputValue();
  expect(link.startsWith(`${server.origin}/invite#`)).toBe(true);
  await created.getByRole("button", { name: "Done" }).click();
  const invite = page.getByRole("row", { name: guest.email });
  await expect(invite).toContainText("Pending");

  const other = await openStranger();
  await other.goto(link);
  await expect(other.getByRole("heading", { name: "Join Acme" })).toBeVisible();
  await expect(other, "the code has left the address").toHaveURL(`${server.origin}/invite`);
  await expect(other.getByRole("textbox", { name: "Email" })).toHaveValue(guest.email);
  await other.getByRole("textbox", { name: "Your name" }).fill(guest.name);
  await other.getByRole("textbox", { name: "Password" }).fill(guest.password);
  await other.getByRole("button", { name: "Join Acme" }).click();
  await expect(other).toHaveURL(`${server.origin}/account/api-tokens`);
  await expect(invite, "the first browser follows").toContainText("Accepted");

  await other.getByRole("button", { name: "Create API token" }).click();
  const secret = await submitNewToken(other);
  await copyAndClose(other);
  await expect(other.getByRole("row", { name: `Created by ${guest.name}` })).toContainText("Active");
  expect((await api.ping(secret)).status).toBe(200);

  await page.goto("/account/team");
  const member = page.getByRole("row", { name: guest.name });
  await expect(member).toContainText(guest.email);
  await choose(member, "Remove member");
  const question = page.getByRole("alertdialog", { name: "Remove this member?" });
  await expect(question).toContainText("Their 1 token stays as it is unless you revoke it.");
  await question.getByRole("checkbox", { name: "Revoke their 1 API token too" }).check();
  problems.allow(/401 \(Unauthorized\)/);
  await question.getByRole("button", { name: "Remove member" }).click();
  await expect(page.getByText(`${guest.name} was removed, and 1 API token revoked.`)).toBeVisible();

  expect((await api.ping(secret)).status).toBe(401);
  await expect(member).toHaveCount(0);
  await expectSignedOut(other, "/account/api-tokens");
  await signIn(other, guest);
  await expect(other.getByRole("alert")).toHaveText("The email or the password is wrong.");

  problems.allow(/404 \(Not Found\)/);
  await other.goto(link);
  await expect(other.getByRole("heading", { name: "This invite no longer works" })).toBeVisible();
});

test("a revoked invite no longer works, and the last admin can't be removed", async ({
  page,
  api,
  openStranger,
  problems,
  signedIn: _,
}) => {
  const link = await api.invite(guest.email);
  await page.goto("/account/invites");
  const invite = page.getByRole("row", { name: guest.email });
  await choose(invite, "Revoke");
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke invite" }).click();
  await expect(invite).toContainText("Revoked");

  problems.allow(/404 \(Not Found\)/);
  const other = await openStranger();
  await other.goto(link);
  await expect(other.getByRole("heading", { name: "This invite no longer works" })).toBeVisible();

  await page.getByRole("link", { name: "Team" }).click();
  const member = page.getByRole("row", { name: "You" });
  await member.getByRole("button", { name: /^Actions for/ }).click();
  const leave = page.getByRole("menuitem", { name: "Leave account" });
  await expect(leave).toBeDisabled();
  await expect(leave).toContainText("The last admin can’t be removed.");
});
