import { useEffect } from "react";

/** Names the browser tab while the calling page is shown. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Tokentab`;
  }, [title]);
}
