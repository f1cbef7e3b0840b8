import { Badge, type BadgeTone } from "../ui/badge";
import type { Agent } from "../wire";

const looks: Record<Agent["status"], { tone: BadgeTone; word: string }> = {
  pending: { tone: "waiting", word: "Pending" },
  active: { tone: "good", word: "Active" },
  dormant: { tone: "paused", word: "Dormant" },
  retired: { tone: "ended", word: "Retired" },
};

export function AgentBadge({ status }: { status: Agent["status"] }) {
  const { tone, word } = looks[status];
  return <Badge tone={tone}>{word}</Badge>;
}
