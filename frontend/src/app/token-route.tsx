import { TokenInstances } from "../agents/token-instances";
import { TokenPage } from "../tokens/token-page";
import type { PageProps } from "./page-props";

export default function TokenRoute({ id, publicUrl, lifetimes }: PageProps) {
  return (
    <TokenPage
      id={id}
      publicUrl={publicUrl}
      lifetimes={lifetimes}
      instances={<TokenInstances tokenId={id} />}
    />
  );
}
