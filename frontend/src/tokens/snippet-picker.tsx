import { useState } from "react";
import { CodeBlock } from "../ui/code-block";
import { Segments } from "../ui/segments";
import { type Filling, type Snippet, snippetsFor } from "./snippets";

const languages: { value: Snippet["language"]; label: string }[] = [
  { value: "TypeScript", label: "TypeScript" },
  { value: "Python", label: "Python" },
];

/** The first run of an agent in the language that is chosen. Copying it copies the secret. */
export function SnippetPicker({ onCopied, ...filling }: Filling & { onCopied: () => void }) {
  const [language, setLanguage] = useState<Snippet["language"]>("TypeScript");
  const shown = snippetsFor(filling).find((snippet) => snippet.language === language);
  return (
    <fieldset className="grid min-w-0 gap-2">
      <legend className="mb-1.5 font-medium">First run</legend>
      <Segments options={languages} value={language} onChange={setLanguage} />
      {shown && (
        <>
          <CodeBlock key={language} name={`${language} program`} text={shown.code} onCopied={onCopied} />
          <p className="text-small text-soft">
            Needs <code className="font-mono wrap-anywhere">{shown.install}</code>
          </p>
        </>
      )}
    </fieldset>
  );
}
