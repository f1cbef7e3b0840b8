import { expect, type Page } from "@playwright/test";
import { founder } from "./api";
import { fill, longName } from "./fill";
import { signIn } from "./sign-in";
import { choose } from "./tokens";
import { failing, type Tour } from "./tour";

const guest = { name: "Grace Hopper", password: "a moth in the relay" };

/** The account's details, team, invites and environments. */
export async function accountTour(given: Tour) {
  const { page, api } = given;
  await api.setUp();
  await page.goto("/sign-in?next=/account/invites");
  await signIn(page, founder);
  await emptyPages(given);
  await detailsPage(given);
  await fill(api);
  await fillTeam(given);
  await teamPage(given);
  await invitesPage(given);
  await environmentsPage(given);
  await longNames(given);
  await outOfReach(given);
}

const cancel = (page: Page) => page.getByRole("button", { name: "Cancel" }).click();

async function emptyPages({ page, visit }: Tour) {
  await expect(page.getByRole("heading", { name: "No invites yet" })).toBeVisible();
  await visit("invites-empty");
  await page.goto("/account/details");
  await expect(page.getByRole("button", { name: "Delete account" })).toBeVisible();
  await visit("details-new");
}

async function detailsPage({ page, visit }: Tour) {
  await page.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: "Edit account" });
  await expect(edit).toBeVisible();
  await visit("details-edit");
  await edit.getByRole("textbox", { name: "Account name" }).fill("");
  await edit.getByRole("button", { name: "Save changes" }).click();
  await expect(edit.getByText("Enter a name for the account.")).toBeVisible();
  await visit("details-edit-incomplete");
  await cancel(page);
  await page.getByRole("button", { name: "Delete account" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("1 member");
  await visit("details-delete");
  await cancel(page);
}

/** Creates members and invites of every kind. */
async function fillTeam({ api }: Tour) {
  await api.join(await api.invite("grace@acme.example"), guest);
  await api.join(await api.invite(`${"w".repeat(64)}@${"long.".repeat(10)}example`), {
    ...guest,
    name: longName,
  });
  await api.invite("katherine@acme.example");
  await api.invite("mistyped@acme.example");
  const invites = await api.list<{ id: string; email: string }>("/admin_user_invite");
  const mistyped = invites.find(({ email }) => email.startsWith("mistyped"));
  await api.act(`/admin_user_invite/${mistyped?.id}/revoke`);
}

async function teamPage({ page, visit }: Tour) {
  await page.goto("/account/team");
  const own = page.getByRole("row", { name: "· You" });
  await expect(own).toBeVisible();
  await visit("team");
  await own.getByRole("button", { name: /^Actions for/ }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  await visit("team-menu");
  await page.getByRole("menuitem", { name: "Leave account" }).click();
  await expect(page.getByRole("checkbox", { name: /^Revoke your/ })).toBeVisible();
  await visit("team-leave");
  await cancel(page);
  await choose(own, "Revoke API tokens");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("team-revoke");
  await cancel(page);
  await choose(page.getByRole("row", { name: longName }), "Remove member");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("team-remove");
  await cancel(page);
}

async function invitesPage({ page, visit }: Tour) {
  await page.goto("/account/invites");
  await expect(page.getByRole("row", { name: /mistyped/ })).toContainText("Revoked");
  await visit("invites");
  const pending = page.getByRole("row", { name: /katherine/ });
  await pending.getByRole("button", { name: /^Actions for/ }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  await visit("invites-menu");
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("invites-revoke");
  await cancel(page);
  await page.getByRole("button", { name: "Invite a team member" }).click();
  const form = page.getByRole("dialog", { name: "Invite a team member" });
  await form.getByRole("button", { name: "Create invite" }).click();
  await expect(form.getByText("Enter an email address.")).toBeVisible();
  await visit("invites-create");
  await form.getByRole("textbox", { name: "Email" }).fill("dorothy@acme.example");
  await form.getByRole("button", { name: "Create invite" }).click();
  await expect(page.getByRole("textbox", { name: "Invite URL" })).toBeVisible();
  await visit("invites-created");
  await page.getByRole("button", { name: "Done" }).click();
}

async function environmentsPage({ page, visit }: Tour) {
  await page.goto("/account/environments");
  const production = page.getByRole("row", { name: /Production/ }).first();
  await expect(production).toBeVisible();
  await visit("environments");
  await choose(production, "Edit");
  await expect(page.getByRole("dialog", { name: "Edit environment" })).toBeVisible();
  await visit("environments-edit");
  await cancel(page);
  await choose(production, "Delete");
  await expect(page.getByRole("checkbox", { name: "Revoke them and delete" })).toBeVisible();
  await visit("environments-delete");
  await cancel(page);
  await page.getByRole("button", { name: "Create environment" }).click();
  const form = page.getByRole("dialog", { name: "Create environment" });
  await form.getByRole("button", { name: "Create environment" }).click();
  await expect(form.getByText("Enter a name.")).toBeVisible();
  await visit("environments-create");
  await cancel(page);
}

/** The same with names of the maximum length. */
async function longNames({ page, api, visit }: Tour) {
  await api.create("/environment", {
    name: longName,
    purpose: "staging",
    description: "An-environment-whose-description-has-no-place-to-break-".repeat(6),
  });
  const [account] = await api.list<{ id: string }>("/account");
  await api.change(`/account/${account?.id}`, {
    name: longName,
    organisation_name: "W".repeat(100),
    website: `https://acme.example/${"path/".repeat(60)}`,
  });
  await page.reload();
  await choose(page.getByRole("row", { name: longName }), "Delete");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("environments-delete-long");
  await cancel(page);
  await visit("environments-long");
  await page.goto("/account/details");
  await expect(page.getByRole("link", { name: "https://acme.example/" })).toBeVisible();
  await visit("details-long");
  await page.getByRole("button", { name: "Delete account" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("3 members");
  await visit("details-delete-long");
  await cancel(page);
}

/** The pages without the store, one of them with older data. */
async function outOfReach({ page, problems, visit }: Tour) {
  await failing({ page, problems }, /\/api\/v1\/(account|admin_user|environment)/, async () => {
    // The details and the notifications below them each say so.
    const stale = "may be out of date";
    await expect(page.getByRole("alert")).toContainText([stale, stale]);
    await visit("details-out-of-date");
    for (const tab of ["details", "team", "invites", "environments"]) {
      await page.goto(`/account/${tab}`);
      await expect(page.getByRole("alert").first()).toContainText("does not answer");
      await visit(`${tab}-error`);
    }
  });
}
