import { screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { network } from "../testing/network";
import { open } from "../testing/render";
import { list, signedIn } from "../testing/samples";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([]));
  network.on("GET /agent", list([]));
});

describe("the layout", () => {
  test("names the account and marks the current page", async () => {
    const { user } = open("/");
    expect(await screen.findByRole("link", { name: "Account" })).toHaveAttribute("aria-current", "page");
    expect(screen.getAllByText("Acme")[0]).toBeInTheDocument();
    await user.click(screen.getByRole("link", { name: "Agents" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Agents" })).toBeInTheDocument();
    expect(screen.getByRole("link", { name: "Agents" })).toHaveAttribute("aria-current", "page");
  });

  test("shows the whole first character of the user's name", async () => {
    const { admin_user } = signedIn().details;
    network.on("GET /session", signedIn({ admin_user: admin_user && { ...admin_user, name: "🇸🇪 Fox" } }));
    open("/");
    const menu = await screen.findByRole("button", { name: "Account menu of 🇸🇪 Fox" });
    expect(menu.firstElementChild?.textContent).toBe("🇸🇪");
  });

  test("links to the API reference", async () => {
    open("/");
    expect(await screen.findByRole("link", { name: "API reference" })).toHaveAttribute("href", "/docs");
  });

  test("names every page in the browser's tab", async () => {
    const { user } = open("/");
    const agents = await screen.findByRole("link", { name: "Agents" });
    await waitFor(() => expect(document.title).toBe("API tokens · Tokentab"));
    await user.click(agents);
    await waitFor(() => expect(document.title).toBe("Agents · Tokentab"));
  });

  test("starts with a link past the navigation", async () => {
    const { user } = open("/");
    await screen.findByRole("heading", { level: 1 });
    await user.tab();
    expect(screen.getByRole("link", { name: "Skip to content" })).toHaveFocus();
  });

  test("has one first-level heading on each page", async () => {
    open("/account");
    expect(await screen.findAllByRole("heading", { level: 1 })).toHaveLength(1);
  });

  test("reports an address without a page", async () => {
    open("/nowhere");
    expect(await screen.findByRole("heading", { level: 1, name: "Page not found" })).toBeInTheDocument();
  });
});
