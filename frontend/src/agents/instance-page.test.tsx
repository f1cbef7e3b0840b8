import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { agent, instance, span } from "../testing/agent-samples";
import { failure, network, type Sent, sent } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { ago } from "../testing/sample";
import { deploymentToken, list, one, rowUse, signedIn } from "../testing/samples";
import type { AgentSpan } from "../wire";

const address = "/agents/agent-1/instances/instance-1";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /agent/:id", one(agent()));
  network.on("GET /agent_instance/:id", one(instance()));
  network.on("GET /agent_spans", list([]));
});

const facts = async () => {
  const name = await screen.findByText("Instance ID");
  return name.closest("dl") as HTMLElement;
};

// A query by role computes the styles of every row.
const treeOf = () =>
  [...document.querySelectorAll("[role=treeitem]")].map((row) => row.getAttribute("aria-label"));
const row = (name: RegExp) => screen.findByRole("treeitem", { name });

describe("the page of an instance", () => {
  test("shows its facts, with an id to copy", async () => {
    const counts = { total: 12, pending: 0, active: 2, complete: 9, failed: 1, cancelled: 0, finished: 10 };
    network.on("GET /agent_instance/:id", one(instance({ span_counts: counts, purpose: "eval" })));
    open(address);
    const shown = await facts();
    await within(shown).findByText("instance-1");
    expect(screen.getByRole("heading", { level: 1, name: "Instance …stance-1" })).toBeInTheDocument();
    expect(within(shown).getByRole("button", { name: "Copy instance ID" })).toBeInTheDocument();
    for (const text of [
      "EnvironmentProduction",
      "Version1.4.0",
      "Started5 minutes ago",
      "Finished2 minutes ago",
      "Duration3 min 20 s",
      "TokenOn the server",
      "PurposeEval",
      "Spans12, 1 failed, 2 open",
    ])
      expect(shown).toHaveTextContent(text);
    expect(await screen.findByText("This instance recorded no spans.")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Terminate" })).not.toBeInTheDocument();
    expect(screen.getByRole("link", { name: "Instances of Invoice reader" })).toHaveAttribute(
      "href",
      "/agents/agent-1/instances",
    );
  });

  test("names an agent from right to left without moving it to the other side", async () => {
    network.on("GET /agent_instance/:id", one(instance({ agent_name: "مساعد" })));
    open(address);
    const name = await screen.findByText("مساعد");
    expect(name.tagName).toBe("BDI");
    expect(name.parentElement).not.toHaveAttribute("dir");
  });

  test("shows why it was terminated, and what was recorded of its quality", async () => {
    const text = JSON.stringify(
      one(
        instance({
          status: "terminated",
          termination_reason: "Wrong <b>invoices</b>",
          quality_payloads: { accuracy: { score: "sent" }, tone: null },
        }),
      ),
    );
    network.on("GET /agent_instance/:id", () => new Response(text.replace('"sent"', "0.50")));
    open(address);
    expect(await screen.findByText("Terminated: Wrong <b>invoices</b>")).toBeInTheDocument();
    expect(screen.getByRole("region", { name: "Quality accuracy" })).toHaveTextContent('"score": 0.50 }');
    expect(screen.getByRole("region", { name: "Quality tone" })).toHaveTextContent("null");
  });

  test("terminates a running one", async () => {
    network.on("GET /agent_instance/:id", one(instance({ status: "active" })));
    network.on("POST /agent_instance/:id/terminate", () => {
      const ended = one(instance({ status: "terminated", termination_reason: "Too slow" }));
      network.on("GET /agent_instance/:id", ended);
      return ended;
    });
    const { user } = open(address);
    expect(await screen.findByText("No spans yet. They appear here as the agent works.")).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Terminate" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Terminate this instance?" }));
    await user.type(dialog.getByRole("textbox", { name: "Reason" }), "Too slow{Enter}");
    await expectMessage("Instance …stance-1 terminated.");
    expect(await screen.findByText("Terminated: Too slow")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Terminate" })).not.toBeInTheDocument();
  });

  test.each([
    ["is unknown", () => network.on("GET /agent_instance/:id", failure(404, "not_found", "None."))],
    ["is another agent’s", () => network.on("GET /agent_instance/:id", one(instance({ agent_id: "a2" })))],
  ])("says that there is none if it %s", async (_, answer) => {
    answer();
    open(address);
    expect(await screen.findByRole("heading", { name: "No such instance" })).toBeInTheDocument();
  });

  test("shows why it failed to load, and loads on another try", async () => {
    network.on("GET /agent_instance/:id", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    network.on("GET /agent_instance/:id", one(instance()));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("This instance recorded no spans.")).toBeInTheDocument();
  });
});

describe("the spans of an instance", () => {
  const family = [
    span({ id: "s1", schema_name: "agent:run" }),
    span({ id: "s2", schema_name: "llm:call", parent_span_id: "s1", status: "failed" }),
    span({ id: "s3", schema_name: "tool:read", parent_span_id: "s2", status: "active" }),
    span({ id: "s4", schema_name: "lost", parent_span_id: "gone" }),
  ];

  test("are a tree with names, statuses and durations; those still open are unfinished", async () => {
    network.on("GET /agent_spans", list(family));
    open(address);
    await row(/agent:run/);
    expect(treeOf()).toEqual([
      "agent:run, Complete, 1.2 s",
      "llm:call, Failed, 1.2 s",
      "tool:read, Unfinished",
      "lost, Complete, 1.2 s",
    ]);
    expect(await row(/tool:read/)).toHaveAttribute("aria-level", "3");
  });

  test("of a running instance are open", async () => {
    network.on("GET /agent_instance/:id", one(instance({ status: "active" })));
    network.on("GET /agent_spans", list([span({ status: "active", started_at: ago(90_000) })]));
    open(address);
    expect(await row(/agent:run, Active, 1 min \d+ s so far/)).toBeInTheDocument();
  });

  test("show payload and result as text, folded at first", async () => {
    const payload = { html: "<img src=x onerror=alert(1)>", n: 1 };
    network.on("GET /agent_spans", list([span({ payload })]));
    const { user } = open(address);
    await row(/agent:run/);
    expect(screen.queryByText(/onerror/)).not.toBeInTheDocument();
    const button = screen.getByRole("button", { name: "Payload of agent:run" });
    expect(button).toHaveAttribute("aria-expanded", "false");
    await user.click(button);
    expect(screen.getByRole("region", { name: /^Payload of agent:run/ })).toHaveTextContent(
      '{ "html": "<img src=x onerror=alert(1)>", "n": 1 }',
    );
    expect(screen.getByText("No result")).toBeInTheDocument();
    expect(document.querySelector("[role=tree] img")).toBeNull();
    await user.click(button);
    expect(screen.queryByText(/onerror/)).not.toBeInTheDocument();
  });

  test("show their payload once while a key is held", async () => {
    network.on("GET /agent_spans", list([span({ payload: { html: "text" } })]));
    open(address);
    const held = await row(/agent:run/);
    for (const key of ["Enter", " "]) {
      fireEvent.keyDown(held, { key });
      for (const _ of [1, 2, 3]) fireEvent.keyDown(held, { key, repeat: true });
      expect(screen.getByText(/html/)).toBeInTheDocument();
      fireEvent.keyDown(held, { key });
      expect(screen.queryByText(/html/)).not.toBeInTheDocument();
    }
  });

  test("show what was sent: each number in its notation, all of equal keys, and keys in their order", async () => {
    const sent = `{"n":[12345678901234567890,1e400,-25E-401,-0,1.10],"9":"a, \\"b\\": {","1":{"payload":[]},"k":1,"k":{}}`;
    const text = JSON.stringify(list([span({ payload: { is: "sent" }, result_payload: { is: "sent" } })]));
    network.on("GET /agent_spans", () => new Response(text.replaceAll('{"is":"sent"}', sent)));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Payload of agent:run" }));
    for (const name of [/^Payload of agent:run/, /^Result of agent:run/]) {
      expect((await screen.findByRole("region", { name })).querySelector("pre")?.textContent).toBe(`{
  "n": [
    12345678901234567890,
    1e400,
    -25E-401,
    -0,
    1.10
  ],
  "9": "a, \\"b\\": {",
  "1": {
    "payload": []
  },
  "k": 1,
  "k": {}
}`);
    }
  });

  test("show hidden characters of a payload as escapes, and join emoji", async () => {
    const payload = { "\u202Eto": "\u2066a\u200B\uFEFF\u007F\u2028\u{E0041}", family: "👩‍👧", lines: "a\nb" };
    network.on("GET /agent_spans", list([span({ payload })]));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Payload of agent:run" }));
    const shown = (await screen.findByRole("region", { name: /^Payload of agent:run/ })).querySelector("pre");
    expect(shown?.textContent).toBe(
      String.raw`{
  "\u202eto": "\u2066a\u200b\ufeff\u007f\u2028\udb40\udc41",
  "family": "👩‍👧",
  "lines": "a\nb"
}`,
    );
  });

  test("show the beginning of a long payload", async () => {
    network.on("GET /agent_spans", list([span({ payload: { text: "x".repeat(60_000) } })]));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Payload of agent:run" }));
    expect(await screen.findByText(/The first 50,000 of 60,016 characters/)).toBeInTheDocument();
  });

  test("are reached by arrow keys, and opened and closed", async () => {
    network.on("GET /agent_spans", list(family));
    const { user } = open(address);
    const first = await row(/agent:run/);
    act(() => first.focus());
    await user.keyboard("{ArrowRight}");
    expect(await row(/llm:call/)).toHaveFocus();
    await user.keyboard("{ArrowDown}{End}");
    expect(await row(/lost/)).toHaveFocus();
    await user.keyboard("{Home}{ArrowLeft}");
    expect(first).toHaveAttribute("aria-expanded", "false");
    expect(treeOf()).toHaveLength(2);
    await user.keyboard("{ArrowRight}{ArrowDown}{ArrowDown}{ArrowLeft}");
    expect(await row(/llm:call/)).toHaveFocus();
    await user.keyboard("{Enter}");
    expect(screen.getByRole("button", { name: "Payload of llm:call" })).toHaveAttribute(
      "aria-expanded",
      "true",
    );
    await user.keyboard("{Tab}");
    expect(screen.getByRole("button", { name: "Payload of llm:call" })).toHaveFocus();
  });

  /** Answers parts of 100 of so many spans. */
  function serve(spans: AgentSpan[]) {
    network.on("GET /agent_spans", ({ query }: Sent) => {
      const from = Number(query.get("pagination[offset]"));
      const part = spans.slice(from, from + 100);
      const next = from + 100 < spans.length ? from + 100 : null;
      return list(part, { item_count: spans.length, next_page_offset: next });
    });
  }
  const offsets = () =>
    sent
      .filter(({ route }) => route === "GET /agent_spans")
      .map(({ query }) => query.get("pagination[offset]"));

  test("load 100 at a time, and later only the parts that may have changed", async () => {
    serve(Array.from({ length: 250 }, (_, at) => span({ id: `s${at}`, parent_span_id: at ? "s0" : null })));
    const { user, client } = open(address);
    expect(await screen.findByText("The first 100 of 250.")).toBeInTheDocument();
    expect(screen.getByText("150 more spans")).toBeInTheDocument();
    const more = screen.getByText("Show more");
    await user.click(more);
    await waitFor(() => expect(treeOf()).toHaveLength(200));
    await user.click(more);
    await waitFor(() => expect(treeOf()).toHaveLength(250));
    expect(more).not.toBeInTheDocument();
    expect(offsets()).toEqual(["0", "100", "200"]);
    await act(() => client.refetchQueries({ queryKey: ["spans"] }));
    expect(offsets()).toEqual(["0", "100", "200", "200"]);
  });

  test("say why they failed to load", async () => {
    network.on("GET /agent_spans", failure(503, "unexpected", "The store is unavailable."));
    open(address);
    expect(await screen.findByText(/The spans could not be loaded/)).toBeInTheDocument();
  });
});

describe("the page of a token", () => {
  test("lists the newest instances of its holders", async () => {
    network.on("GET /api_token/:id", one(deploymentToken({ id: "token-2", use: rowUse() })));
    network.on("GET /api_token/:id/events", list([]));
    network.on("GET /agent_instance", list([instance()]));
    open("/account/api-tokens/token-2");
    const region = within(await screen.findByRole("region", { name: "Instances" }));
    expect(await region.findByRole("link", { name: "Instance …stance-1 of Invoice reader" })).toHaveAttribute(
      "href",
      address,
    );
    expect(region.getByRole("listitem")).toHaveTextContent(
      "CompleteInvoice reader in Production3 min 20 s5 minutes ago",
    );
    const asked = sent.find(({ route }) => route === "GET /agent_instance")?.query;
    expect(asked?.get("api_token_id")).toBe("token-2");
    expect(asked?.get("pagination[page_size]")).toBe("5");
  });
});
