import { ArrowLeft } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { CodeBlock } from "../../ui/code-block";
import { useOpenForm } from "../../ui/leave-guard";
import { Section } from "../../ui/section";
import { Segments } from "../../ui/segments";
import { AddressFields } from "./address-fields";
import { readAddress, readPort, usualAddress } from "./addresses";
import { type Filling, fillIn, type Gateway, gateways } from "./gateways";
import { type Named, type Need, needText } from "./need";
import { NeedFields } from "./need-fields";
import { TestRequest } from "./test-request";

const options = (Object.keys(gateways) as Gateway[]).map((value) => ({
  value,
  label: gateways[value].label,
}));

/** The addresses in the shipped files. */
const usual = { application: "127.0.0.1:9000", port: "8000" };

interface ConnectProps {
  account: Named;
  publicUrl: string;
}

/** Generates a gateway's configuration, and tests a token against its requirements. */
export function Connect({ account, publicUrl }: ConnectProps) {
  useOpenForm(true);
  const [gateway, setGateway] = useState<Gateway>("nginx");
  const [need, setNeed] = useState<Need>({ account, scopes: [], environments: [], agents: [] });
  const [texts, setTexts] = useState({ ...usual, tokentab: usualAddress(window.location) });

  const query = needText(need);
  const tokentab = readAddress(texts.tokentab);
  const application = readAddress(texts.application);
  const port = readPort(texts.port);
  const filling = tokentab && application && port ? { tokentab, application, port, need: query } : null;
  return (
    <>
      <Link
        href="/account/api-tokens"
        className="-mb-4 flex w-fit items-center gap-1.5 rounded-[3px] text-soft hover:text-ink"
      >
        <ArrowLeft aria-hidden className="size-4" />
        Back to API tokens
      </Link>
      <Section
        title="Connect a gateway"
        text="The gateway asks Tokentab about each request and forwards those with a valid token."
      >
        <div className="grid gap-5">
          <fieldset className="sm:max-w-120">
            <legend className="mb-1.5 font-medium">Gateway</legend>
            <Segments options={options} value={gateway} onChange={setGateway} />
          </fieldset>
          <NeedFields value={need} onChange={setNeed} />
          <AddressFields value={texts} onChange={setTexts} />
        </div>
      </Section>
      <Section
        title={`Configuration of ${gateways[gateway].label}`}
        text={filling ? "Ready to run. Your choices are highlighted." : "Correct the addresses to see it."}
      >
        <div className="grid gap-4">
          {gateways[gateway].files.map(({ name, text }) => (
            <FilledFile key={name} name={name} shipped={text} filling={filling} />
          ))}
        </div>
      </Section>
      <TestRequest need={query} publicUrl={publicUrl} />
    </>
  );
}

/** The file for the chosen values. While they are invalid, it shows the shipped file and can't be copied. */
function FilledFile({ name, shipped, filling }: { name: string; shipped: string; filling: Filling | null }) {
  const pieces = filling ? fillIn(shipped, filling) : [{ text: shipped, filled: false, at: 0 }];
  return (
    <CodeBlock name={name} text={pieces.map(({ text }) => text).join("")} file disabled={!filling}>
      {pieces.map(({ text, filled, at }) =>
        filled ? (
          <mark key={at} className="rounded-[3px] bg-accent-soft text-accent-ink">
            {text}
          </mark>
        ) : (
          text
        ),
      )}
    </CodeBlock>
  );
}
