import { Link } from "wouter";
import { useTitle } from "../ui/title";

export function NotFoundPage() {
  useTitle("Not found");
  return (
    <>
      <h1 className="text-title font-semibold">Page not found</h1>
      <p className="mt-1 text-soft">
        There is no page at this address.{" "}
        <Link href="/" className="text-accent-ink underline underline-offset-3">
          Go to the API tokens
        </Link>
      </p>
    </>
  );
}
