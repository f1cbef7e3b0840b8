/** A placeholder for a text that is loading. */
export function Bar({ className }: { className: string }) {
  return (
    <span
      className={`inline-block h-3 max-w-full animate-pulse rounded-box bg-line align-middle ${className}`}
    />
  );
}

/** One bar per line: the class of the bar, then those of the line. */
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

export function TitleBar() {
  return (
    <>
      <Bar className="h-4 w-48" />
      <span className="sr-only">Loading</span>
    </>
  );
}
