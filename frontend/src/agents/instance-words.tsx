import type { ReactNode } from "react";
import { useNow } from "../ui/clock";
import { Unknown } from "../ui/facts";
import { TextLink } from "../ui/text-link";
import type { AgentInstance } from "../wire";
import { isOpen, ranText } from "./instances";

export const purposeWords: Record<AgentInstance["purpose"], string> = {
  live: "Live",
  smoke_test: "Smoke test",
  eval: "Eval",
};

/** How long an instance ran, or has been running. */
export function Ran({ instance }: { instance: AgentInstance }): ReactNode {
  return ranText(instance, isOpen(instance.status), useNow());
}

/** The token that registered an instance, as a link to its page. */
export function InstanceToken({
  instance: { api_token_id: id, api_token_name: name, api_token_hint: hint },
}: {
  instance: AgentInstance;
}) {
  if (!id) return <Unknown>None</Unknown>;
  if (!name && !hint) return <Unknown>Deleted token</Unknown>;
  return (
    <TextLink href={`/account/api-tokens/${encodeURIComponent(id)}`}>
      <bdi>{name ?? `Token …${hint}`}</bdi>
    </TextLink>
  );
}
