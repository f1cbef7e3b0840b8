import { TriangleAlert, X } from "lucide-react";
import { Link } from "wouter";
import { IconButton } from "../ui/button";
import { useDismissed } from "../ui/dismissed";

interface ExpiringBannerProps {
  /** The number of tokens that expire within 14 days. */
  amount: number;
  /** The order of the list, as in the address. */
  sort: string | undefined;
  /** Called when the banner goes, to put the focus elsewhere. */
  onGone: () => void;
}

/** Leads to the tokens that expire soon. It fits into a line that is there anyway, so nothing moves when it appears. */
export default function ExpiringBanner({ amount, sort, onGone }: ExpiringBannerProps) {
  const [dismissed, dismiss] = useDismissed("expiring");
  if (dismissed) return null;
  return (
    // Without a basis it never wraps.
    <section aria-label="Expiring tokens" className="flex min-w-0 flex-1 basis-0 justify-end">
      <div className="flex h-7 min-w-0 items-center rounded-box border border-warn/30 bg-warn-soft pl-2 pointer-coarse:h-10">
        <TriangleAlert aria-hidden className="mr-1.5 size-3.5 shrink-0 text-warn" />
        <Link
          href={sort ? `?expires=14&sort=${sort}` : "?expires=14"}
          onClick={onGone}
          className="truncate text-ink underline decoration-warn underline-offset-3"
        >
          {amount.toLocaleString("en")}{" "}
          <span className="max-[359px]:sr-only">{amount === 1 ? "token" : "tokens"}</span>{" "}
          {amount === 1 ? "expires" : "expire"} within 14 days
        </Link>
        <IconButton
          name="Dismiss for a day"
          small
          onClick={() => {
            dismiss();
            onGone();
          }}
        >
          <X aria-hidden className="size-3.5" />
        </IconButton>
      </div>
    </section>
  );
}
