/** A grey bar where a text will be. */
export function Bar({ className }: { className: string }) {
  return (
    <span
      className={`inline-block h-3 max-w-full animate-pulse rounded-box bg-line align-middle ${className}`}
    />
  );
}

/** Bars below each other: of each the class of its width, then those of its line. */
export function Bars({ lines }: { lines: string[] }) {
  return lines.map((line) => {
    const [width = "", ...rest] = line.split(" ");
    return (
      <div key={line} className={rest.join(" ")}>
        <Bar className={width} />
      </div>
    );
  });
}

/** What stands in a page's title until it is known. */
export function TitleBar() {
  return (
    <>
      <Bar className="h-4 w-48" />
      <span className="sr-only">Loading</span>
    </>
  );
}
