import { useOne } from "../requests";
import { count } from "../ui/count";
import { Fact, Unknown } from "../ui/facts";
import { Time } from "../ui/time";
import type { Backup } from "../wire";

const rounded = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function sizeText(bytes: number): string {
  if (bytes < 1000) return count(bytes, "byte");
  // Values that round to 1,000 have the next unit.
  const [size, unit] = bytes < 999_950 ? [1e3, "kB"] : bytes < 999_950_000 ? [1e6, "MB"] : [1e9, "GB"];
  return `${rounded.format(bytes / size)} ${unit}`;
}

/** The last proven backup of the whole installation. */
export function BackupFact() {
  const { data, error } = useOne<Backup>(["backup"], "/backup");
  return (
    <Fact name="Last proven backup">
      {data ? (
        data.proven_at ? (
          <>
            <Time at={data.proven_at} past />, {sizeText(data.bytes)}
          </>
        ) : (
          "None"
        )
      ) : (
        error && <Unknown>Unknown</Unknown>
      )}
    </Fact>
  );
}
