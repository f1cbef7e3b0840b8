/** The values that a snippet holds. */
export interface Filling {
  url: string;
  secret: string;
  agentId: string;
}

export interface Snippet {
  language: "TypeScript" | "Python";
  /** The command that installs the official SDK. */
  install: string;
  code: string;
}

const schema =
  '{ "external_identifier": "first-run", "span_schemas": { "demo:hello": { "type": "object" } } }';

/**
 * Programs that report one run with one span through the official SDKs, as they are. Strings of JSON are strings of both
 * languages.
 */
export function snippetsFor({ url, secret, agentId }: Filling): Snippet[] {
  const [host, token, agent] = [url, secret, agentId].map((text) => JSON.stringify(text));
  return [
    {
      language: "TypeScript",
      install: "npm install @prefactor/core zod",
      code: [
        'import { createConfig, createCore, withSpan } from "@prefactor/core";',
        `const core = createCore(createConfig({ httpConfig: { apiUrl: ${host}, apiToken: ${token}, agentSchema: ${schema} } }));`,
        "await core.agentManager.startInstance();",
        'await withSpan({ name: "hello", spanType: "demo:hello", inputs: { to: "world" } }, () => "Hello, world");',
        "await core.agentManager.finishInstance(); await core.shutdown();",
      ].join("\n"),
    },
    {
      language: "Python",
      install: "pip install prefactor-core",
      code: [
        "import asyncio, prefactor_core, prefactor_http",
        "async def main():",
        `    async with prefactor_core.PrefactorCoreClient(prefactor_core.PrefactorCoreConfig(http_config=prefactor_http.HttpClientConfig(api_url=${host}, api_token=${token}))) as client:`,
        `        run = await client.create_agent_instance(agent_id=${agent}, agent_version={"name": "Agent", "external_identifier": "v1.0.0"}, agent_schema_version=${schema}); await run.start(); await run.finish_span(await run.create_span("demo:hello", payload={"to": "world"})); await run.finish()`,
        "asyncio.run(main())",
      ].join("\n"),
    },
  ];
}
