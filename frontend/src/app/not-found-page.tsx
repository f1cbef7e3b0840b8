import { useTitle } from "../ui/page";
import { TextLink } from "../ui/text-link";

export function NotFoundPage() {
  useTitle("Not found");
  return (
    <>
      <h1 className="text-title font-semibold">Page not found</h1>
      <p className="mt-1 text-soft">
        This page does not exist. <TextLink href="/">Go to the API tokens</TextLink>
      </p>
    </>
  );
}
