import { useOne } from "../requests";
import { Fact, Unknown } from "../ui/facts";
import { Time } from "../ui/time";
import type { Backup } from "../wire";

const megabytes = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** The last proven backup of the whole installation. */
export function BackupFact() {
  const { data, error } = useOne<Backup>(["backup"], "/backup");
  return (
    <Fact name="Last proven backup">
      {data ? (
        data.proven_at ? (
          <>
            <Time at={data.proven_at} past />, {megabytes.format(data.bytes / 1e6)} MB
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
