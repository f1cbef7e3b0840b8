import { Component, type ReactNode } from "react";
import { Button } from "../ui/button";
import { FirstShown } from "../ui/first-shown";

/** Replaces the page if rendering fails. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="mx-auto max-w-96 px-4 pt-[16vh]">
        <FirstShown />
        <h1 className="text-title font-semibold">This page stopped working</h1>
        <p className="mt-1 mb-4 text-soft">Nothing was lost on the server. Reload the page to continue.</p>
        <Button look="primary" onClick={() => window.location.reload()}>
          Reload page
        </Button>
      </main>
    );
  }
}
