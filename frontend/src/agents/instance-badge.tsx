import { Badge, type BadgeTone } from "../ui/badge";
import type { InstanceStatus } from "../wire";
import { statusWords } from "./instances";

const tones: Record<InstanceStatus, BadgeTone> = {
  pending: "waiting",
  active: "running",
  complete: "good",
  failed: "bad",
  cancelled: "ended",
  terminated: "paused",
};

/** The status of an instance or span. `unfinished` is whether it stayed open when its instance ended. */
export function InstanceBadge({
  status,
  unfinished = false,
}: {
  status: InstanceStatus;
  unfinished?: boolean;
}) {
  if (unfinished) return <Badge tone="ended">Unfinished</Badge>;
  return <Badge tone={tones[status]}>{statusWords[status]}</Badge>;
}
