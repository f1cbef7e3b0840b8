import { useOne } from "../requests";
import { Fact, Facts } from "../ui/facts";
import { Time } from "../ui/time";
import type { Backup } from "../wire";

const megabytes = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** The last proven backup of the whole installation. Nothing until it is known. */
export function BackupFacts() {
  const { data } = useOne<Backup>(["backup"], "/backup");
  return (
    data && (
      <Facts>
        <Fact name="Last proven backup">
          {data.proven_at ? (
            <>
              <Time at={data.proven_at} past />, {megabytes.format(data.bytes / 1e6)} MB
            </>
          ) : (
            "None"
          )}
        </Fact>
      </Facts>
    )
  );
}
