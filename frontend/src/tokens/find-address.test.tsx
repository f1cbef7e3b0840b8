import { screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { agent } from "../testing/agent-samples";
import { failure, network, type Sent, sent } from "../testing/network";
import { goBack, open } from "../testing/render";
import { environment, list, member, signedIn, token } from "../testing/samples";

const address = "/account/api-tokens";
const idOf = (last: string) => `01kdvdna00zzzzzz18532cy4e89yc${last}`;
const environmentId = idOf("env");
const agentId = idOf("agt");
const memberId = idOf("mbr");
const ci = token();

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", ({ query }: Sent) =>
    list(query.has("search") ? [ci] : [ci, token({ id: "token-9", name: "Nightly" })]),
  );
  network.on("GET /environment", list([environment({ id: environmentId, name: "Staging" })]));
  network.on("GET /agent", list([agent({ id: agentId, name: "Reader" })]));
  network.on("GET /admin_user", list([member({ id: memberId, name: "Grace Hopper" })]));
});

const lastQuery = () =>
  Object.fromEntries(sent.filter(({ route }) => route === "GET /api_token").at(-1)?.query ?? []);
const part = (name: RegExp) => screen.findByRole("button", { name });
const inAddress = (search: string) => waitFor(() => expect(window.location.search).toBe(search));

describe("the address", () => {
  test("has one filter for scopes and for account tokens that only read", async () => {
    open(`${address}?scope=read`);
    expect(await part(/Remove filter: Scope: Account, read only/)).toBeVisible();
    expect(lastQuery()).toMatchObject({ token_role: "read" });
    expect(lastQuery()).not.toHaveProperty("token_scope");
  });

  test("holds every filter and the order, as the API knows them", async () => {
    open(
      `${address}?q=ci&state=live&scope=environment&env=${environmentId}&agent=${agentId}&by=${memberId}` +
        "&expires=30&unused=365&from=2026-01-31&to=2026-02-28&sort=name",
    );
    await screen.findByText("1 of 60 tokens");
    expect(lastQuery()).toEqual({
      search: "ci",
      live: "true",
      token_scope: "environment",
      environment_id: environmentId,
      agent_id: agentId,
      created_by_admin_user_id: memberId,
      expires_within: String(30 * 86_400),
      unused_for: String(365 * 86_400),
      created_after: "2026-01-31T00:00:00.000Z",
      created_before: "2026-03-01T00:00:00.000Z",
      sorting: "name",
      include: "use",
      "pagination[offset]": "0",
      "pagination[page_size]": "50",
    });
    for (const text of [
      "Active or suspended",
      "Scope: Environment",
      "Environment: Staging",
      "Agent: Reader",
      "Creator: Grace Hopper",
      "Expires within 30 days",
      "Unused for 365 days",
      "Created from 2026-01-31",
      "Created until 2026-02-28",
    ]) {
      expect(await screen.findByRole("button", { name: `Remove filter: ${text}` })).toBeInTheDocument();
    }
    expect(screen.getByRole("combobox", { name: "Sort" })).toHaveValue("name");
  });

  test("may ask for people who have left and tokens that were never used", async () => {
    open(`${address}?by=left&unused=never&state=revoked&sort=-used`);
    await screen.findByText("2 of 60 tokens");
    expect(lastQuery()).toMatchObject({
      creator_left: "true",
      never_used: "true",
      state: "revoked",
      sorting: "-last_used_at",
    });
    expect(await part(/Creator: Former members/)).toBeInTheDocument();
    expect(sent.some(({ route }) => route === "GET /admin_user")).toBe(false);
  });

  test.each([
    "state=gone&scope=constructor&env=prod&agent=../x&by=ada&expires=15&unused=-1&sort=toString",
    `env=${"0".repeat(32)}&from=2026-02-30&to=0002-01-01&sort=-created&page=1e99&after=x`,
    "q=%20&state=&page=0&from=tomorrow&to=9999-12-31&nothing=at-all",
  ])("with unknown or invalid values is the whole list: ?%s", async (search) => {
    open(`${address}?${search}`);
    await screen.findByText("2 tokens");
    expect(lastQuery()).toEqual({
      sorting: "-inserted_at",
      include: "use",
      "pagination[offset]": "0",
      "pagination[page_size]": "50",
    });
    expect(screen.queryByRole("button", { name: "Clear filters" })).not.toBeInTheDocument();
  });

  test("leads Back and forward through the filters", async () => {
    const { user } = open(address);
    await user.click(await part(/^Suspended/));
    await inAddress("?state=suspended");
    await user.selectOptions(screen.getByRole("combobox", { name: "Sort" }), "Name, Z to A");
    await inAddress("?state=suspended&sort=-name");
    await goBack();
    await inAddress("?state=suspended");
    expect(screen.getByRole("combobox", { name: "Sort" })).toHaveValue("-created");
    await goBack();
    await inAddress("");
    expect(await part(/^Suspended/)).toHaveAttribute("aria-pressed", "false");
  });
});

describe("the pages of a list", () => {
  const page = (start: number, cursor?: string) =>
    list([token({ id: `token-${start}` })], {
      item_count: 120,
      page_count: 3,
      item_start: start,
      item_end: Math.min(start + 49, 120),
      next_cursor: cursor,
    });

  test("follow each other by cursor, back by the same ones, and survive a reload", async () => {
    network.on("GET /api_token", ({ query }: Sent) => {
      const after = query.get("pagination[after]");
      // Two rows were created after the first page was read.
      if (after === "second") return page(53, "third");
      if (after === "third") return page(103);
      return page(Number(query.get("pagination[offset]")) + 1, "second");
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Next" }));
    await inAddress("?page=2&after=second");
    await screen.findByText("53–102 of 120");
    expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "false");
    await user.click(screen.getByRole("button", { name: "Next" }));
    await inAddress("?page=3&after=third");
    expect(await screen.findByText("103–120 of 120")).toBeInTheDocument();
    await waitFor(() => expect(screen.getByRole("button", { name: "Next" })).toBeDisabled());
    await user.click(screen.getByRole("button", { name: "Previous" }));
    await inAddress("?page=2&after=second");
    await user.click(screen.getByRole("button", { name: "Previous" }));
    await inAddress("");
  });

  test("are not turned while another list loads, whose places are others", async () => {
    network.on("GET /api_token", ({ query }: Sent) =>
      query.has("state") ? new Promise(() => {}) : page(1, "second"),
    );
    const { user } = open(address);
    await screen.findByRole("button", { name: "Next" });
    await user.click(await part(/^Active/));
    await inAddress("?state=active");
    await user.click(screen.getByRole("button", { name: "Next" }));
    await inAddress("?state=active");
  });

  test("begin at the page number if the cursor is not one of this list", async () => {
    network.on("GET /api_token", ({ query }: Sent) =>
      query.has("pagination[after]")
        ? failure(422, "validation_failed", "Check the request.")
        : page(Number(query.get("pagination[offset]")) + 1),
    );
    open(`${address}?page=3&after=made-up`);
    expect(await screen.findByText("101–120 of 120")).toBeInTheDocument();
    expect(screen.queryByRole("alert")).not.toBeInTheDocument();
  });

  test("lead to the last one if the address names a later one", async () => {
    network.on("GET /api_token", ({ query }: Sent) => {
      const offset = Number(query.get("pagination[offset]"));
      return offset >= 120
        ? { ...page(0), ...list([], { item_count: 120, page_count: 3 }) }
        : page(offset + 1);
    });
    open(`${address}?page=9`);
    expect(await screen.findByText("101–120 of 120")).toBeInTheDocument();
    await inAddress("?page=3");
  });
});
