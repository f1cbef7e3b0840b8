import type { Api } from "./api";

interface Span {
  schema_name: string;
  parent?: string;
  status?: "active" | "complete" | "failed";
  payload?: object;
  result?: object;
}

/** A run of an agent, reported over the API as an SDK does. */
export class Run {
  private constructor(
    private readonly api: Api,
    private readonly secret: string,
    readonly id: string,
  ) {}

  /** Registers an instance and starts it. */
  static async start(api: Api, secret: string, version = "1.4.0"): Promise<Run> {
    const agent_version = { external_identifier: version, name: "Reader" };
    const agent_schema_version = { external_identifier: "1", span_schemas: {} };
    const registration = { agent_version, agent_schema_version };
    const { details } = await api.report("/agent_instance/register", registration, secret);
    const run = new Run(api, secret, details.id);
    await run.#report(`/agent_instance/${run.id}/start`, {});
    return run;
  }

  /** Creates a span and returns its id. */
  async span({ schema_name, parent, status = "complete", payload = {}, result }: Span): Promise<string> {
    const parent_span_id = parent ?? null;
    const result_payload = result ?? null;
    const details = {
      agent_instance_id: this.id,
      schema_name,
      status,
      payload,
      parent_span_id,
      result_payload,
    };
    return (await this.#report("/agent_spans", { details })).details.id;
  }

  finishSpan(id: string) {
    return this.#report(`/agent_spans/${id}/finish`, {});
  }

  finish(status: "complete" | "failed" | "cancelled" = "complete") {
    return this.#report(`/agent_instance/${this.id}/finish`, { status });
  }

  #report(path: string, body: object) {
    return this.api.report(path, body, this.secret);
  }
}
