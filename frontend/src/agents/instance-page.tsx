import { Absent, isMissing } from "../ui/absent";
import { Bar, TitleBar } from "../ui/bar";
import { Button } from "../ui/button";
import { CopyValue } from "../ui/copy-value";
import { GridFact, GridFacts, Unknown } from "../ui/facts";
import { Failure, Notice } from "../ui/notice";
import { BackLink, PageHeader } from "../ui/page";
import { Changing } from "../ui/read-only";
import { Section } from "../ui/section";
import { Time } from "../ui/time";
import type { AgentInstance } from "../wire";
import { addressOf } from "./agents";
import { useInstanceActions } from "./instance-actions";
import { InstanceBadge } from "./instance-badge";
import { InstanceToken, purposeWords, Ran } from "./instance-words";
import { type InstanceShown, instanceTitle, qualitiesOf, useInstance } from "./instances";
import { JsonBlock } from "./span-rows";
import { SpansSection } from "./spans-section";

interface InstancePageProps {
  /** The ids of the agent and the instance. */
  id: string;
  instance: string;
}

/** An instance's own page: its facts, its qualities and its spans. */
export default function InstancePage({ id: agentId, instance: id }: InstancePageProps) {
  const query = useInstance(id);
  const { data: instance, error } = query;
  const { onTerminate, dialogs } = useInstanceActions();
  const foreign = instance !== undefined && instance.agent_id !== agentId;
  const missing = foreign || isMissing(error);
  const back = (
    <BackLink href={addressOf(agentId, "instances")}>
      {instance && !missing ? `Instances of ${instance.agent_name}` : "Instances"}
    </BackLink>
  );
  if (missing || (error && !instance)) {
    return (
      <Absent
        back={back}
        title={missing ? "No such instance" : "Instance"}
        tabTitle="Instance"
        failed={!missing && query}
      >
        This agent has no instance with this ID. Old instances are removed after a while.
      </Absent>
    );
  }
  return (
    <>
      {back}
      <PageHeader
        title={instance ? instanceTitle(instance) : <TitleBar />}
        tabTitle={instance ? `${instanceTitle(instance)} · ${instance.agent_name}` : "Instance"}
        action={
          instance ? (
            instance.available_actions.terminate && (
              <Changing>
                <Button look="danger-quiet" onClick={() => onTerminate(instance)}>
                  Terminate
                </Button>
              </Changing>
            )
          ) : (
            <span className="h-8 w-24 pointer-coarse:h-10" />
          )
        }
      >
        <p className="mt-1 flex min-h-5 flex-wrap gap-x-2.5 text-soft wrap-anywhere">
          {instance ? (
            <>
              <span className="text-ink">
                <InstanceBadge status={instance.status} />
              </span>
              <span>
                <bdi>{instance.agent_name}</bdi>
              </span>
            </>
          ) : (
            <Bar className="w-60" />
          )}
        </p>
      </PageHeader>
      <Failure of={query} className="mt-4" />
      {instance?.status === "terminated" && instance.termination_reason && (
        <Notice tone="warn" className="mt-4">
          Terminated: {instance.termination_reason}
        </Notice>
      )}
      <InstanceFacts instance={instance} />
      {instance && (
        <>
          <Qualities instance={instance} />
          <SpansSection instance={instance} />
        </>
      )}
      {dialogs}
    </>
  );
}

/** As high while they load. */
function InstanceFacts({ instance }: { instance: AgentInstance | undefined }) {
  return (
    <GridFacts className="mt-5 lg:grid-cols-3">
      <GridFact name="Instance ID" className="col-span-2 lg:col-span-1">
        {instance && <CopyValue what="instance ID" value={instance.id} />}
      </GridFact>
      <GridFact name="Environment">{instance?.environment_name}</GridFact>
      <GridFact name="Version">
        {instance && (
          <span className="font-mono text-small/5">{instance.agent_version_identifier ?? "None"}</span>
        )}
      </GridFact>
      <GridFact name="Started">{instance && <At at={instance.started_at} none="Not started" />}</GridFact>
      <GridFact name="Finished">{instance && <At at={instance.finished_at} none="Not finished" />}</GridFact>
      <GridFact name="Duration">{instance && <Ran instance={instance} />}</GridFact>
      <GridFact name="Token">{instance && <InstanceToken instance={instance} />}</GridFact>
      <GridFact name="Purpose">{instance && purposeWords[instance.purpose]}</GridFact>
      <GridFact name="Spans">{instance && <SpanCounts counts={instance.span_counts} />}</GridFact>
      <GridFact name="Registered">{instance && <Time at={instance.inserted_at} past />}</GridFact>
      <GridFact name="Last activity" className="max-lg:col-span-1 lg:col-span-2">
        {instance && <Time at={instance.last_activity_at} past />}
      </GridFact>
    </GridFacts>
  );
}

const At = ({ at, none }: { at: string | null; none: string }) =>
  at ? <Time at={at} past /> : <Unknown>{none}</Unknown>;

function SpanCounts({
  counts: { total, failed, pending, active },
}: {
  counts: AgentInstance["span_counts"];
}) {
  const open = pending + active;
  if (total === 0) return "None";
  const parts = [
    total.toLocaleString("en"),
    failed > 0 && `${failed.toLocaleString("en")} failed`,
    open > 0 && `${open.toLocaleString("en")} open`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** What was recorded about the quality of a run. */
function Qualities({ instance }: { instance: InstanceShown }) {
  const qualities = qualitiesOf(instance);
  if (qualities.length === 0) return null;
  return (
    <Section title="Quality">
      <div className="grid gap-3">
        {qualities.map(([name, payload]) => (
          <JsonBlock key={name} name={name} label={`Quality ${name}`} value={payload} />
        ))}
      </div>
    </Section>
  );
}
