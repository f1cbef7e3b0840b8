/** A grey bar where a text will be. */
export function Bar({ className }: { className: string }) {
  return (
    <span
      className={`inline-block h-3 max-w-full animate-pulse rounded-box bg-line align-middle ${className}`}
    />
  );
}

/** Bars below each other, each with its width and the height and place of its line. */
export function Bars({ lines }: { lines: [width: string, line: string][] }) {
  return lines.map(([width, line]) => (
    <div key={`${width} ${line}`} className={line}>
      <Bar className={width} />
    </div>
  ));
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
