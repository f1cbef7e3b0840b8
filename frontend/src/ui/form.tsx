import type { UseMutationResult } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { ApiError, sentence, sentencesOf } from "../api";
import { Button } from "./button";
import { Dialog, DialogBody, DialogFooter, type DialogProps, DialogText } from "./dialog";
import { useFailureText, useWait } from "./failure-text";
import { shownErrors } from "./field";
import { Notice } from "./notice";
import { SendButton } from "./send-button";
import { useSendOnce } from "./send-once";

interface FormOptions<V extends object, D, A> {
  /** The initial values, by the names in the server's messages. */
  start: V;
  /** The errors that the page can detect; null for valid values. */
  check?: (values: V) => { [K in keyof V]?: string | null };
  request: UseMutationResult<A, Error, D>;
  /** The request's fields. `began` are the values that the form began with. */
  details: (values: V, began: V) => D;
  onDone?: (answer: A) => void;
  /** Follows the problem if the answer was lost, instead of saying that the change may have been made. */
  hint?: string;
}

export interface FormState {
  attributes: {
    noValidate: true;
    ref: RefObject<HTMLFormElement | null>;
    onSubmit: (event: FormEvent) => void;
  };
  busy: boolean;
  /** Seconds until the next try is allowed. */
  wait: number;
  /** The error that belongs to no field. */
  problem: string | null;
}

/** The state of a form. A failed try focuses the first invalid field. */
export function useForm<V extends object, D, A>({
  start,
  check,
  request,
  details,
  onDone,
  hint,
}: FormOptions<V, D, A>) {
  const [began] = useState(start);
  const [values, setValues] = useState(start);
  /** The values of the last try that was not sent, and their errors. */
  const [unsent, setUnsent] = useState<{ values: V; texts: { [K in keyof V]?: string | null } }>();
  const ref = useRef<HTMLFormElement>(null);
  const { error, isPending: busy } = request;
  const wait = useWait(error);
  const told = fieldsOf(error);
  const isAboutFields = Object.keys(told).length > 0;
  const { text } = useFailureText(error, hint);
  /** The messages of a failure that no field shows. They are known once the fields are drawn. */
  const [unshown, setUnshown] = useState<{ error: Error; texts: string[] }>();
  const send = useSendOnce<D, A>((what, options) =>
    request.mutate(...([what, options] as Parameters<typeof request.mutate>)),
  );

  useEffect(() => {
    const wrong = (unsent || error) && ref.current?.querySelector<HTMLElement>("[aria-invalid]");
    // Of a group, the choice has the focus.
    if (wrong) (wrong.querySelector<HTMLElement>("input:checked, input") ?? wrong).focus();
    if (error && !unsent)
      setUnshown({ error, texts: unshownOf(fieldsOf(error), Object.keys(began), ref.current) });
  }, [unsent, error, began]);

  function errorsOf(name: keyof V & string): string[] {
    if (!unsent) return told[name] ?? [];
    const text = unsent.texts[name];
    return text && unsent.values[name] === values[name] ? [text] : [];
  }

  function set<K extends keyof V>(name: K, value: V[K]) {
    setValues((before) => ({ ...before, [name]: value }));
  }

  function submit() {
    if (busy || wait > 0) return;
    const texts = check?.(values) ?? {};
    const wrong = Object.values(texts).some(Boolean);
    setUnsent(wrong ? { values, texts } : undefined);
    if (!wrong) send(details(values, began), onDone);
  }

  const others = unshown?.error === error ? unshown.texts : [];
  const frame: FormState = {
    attributes: {
      noValidate: true,
      ref,
      onSubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    busy,
    wait,
    problem: !isAboutFields ? text : others.length > 0 ? [error?.message, ...others].join(" ") : null,
  };
  return {
    ...frame,
    values,
    set,
    submit,
    /** The server's messages for another name of a field. */
    toldOf: (name: string) => (unsent ? [] : (told[name] ?? [])),
    /** The props of a field. */
    field: <K extends keyof V & string>(name: K) => ({
      name,
      value: values[name],
      errors: errorsOf(name),
      onChange: (value: V[K]) => set(name, value),
    }),
  };
}

/** The messages by field of the request; none for other errors. */
function fieldsOf(error: unknown): Record<string, string[]> {
  return error instanceof ApiError ? error.fields : {};
}

/** The messages that the fields of a form don't show, as sentences. `names` are those of its fields. */
function unshownOf(told: Record<string, string[]>, names: string[], form: HTMLFormElement | null): string[] {
  const shown = [...(form?.querySelectorAll(shownErrors) ?? [])].map(({ textContent }) => textContent);
  // Of equal messages, those of fields are the ones shown.
  const ofFieldsFirst = Object.entries(told).sort(
    ([one], [other]) => Number(names.includes(other)) - Number(names.includes(one)),
  );
  const missing = ofFieldsFirst.map(([name, texts]): [string, string[]] => [name, texts.filter(isMissing)]);
  return sentencesOf(missing);

  function isMissing(text: string): boolean {
    const at = shown.findIndex((one) => one.endsWith(sentence("", text)));
    if (at >= 0) shown.splice(at, 1);
    return at < 0;
  }
}

/** A form outside dialogs. */
export function Form({ form, children }: { form: FormState; children: ReactNode }) {
  return (
    <form {...form.attributes} className="grid gap-4">
      {form.problem && <Notice tone="bad">{form.problem}</Notice>}
      {children}
    </form>
  );
}

interface SubmitButtonProps {
  form: FormState;
  disabled?: boolean;
  /** Red only for what is permanent. */
  look?: "danger" | "primary";
  children: ReactNode;
}

export const SubmitButton = ({ form: { busy, wait }, ...rest }: SubmitButtonProps) => (
  <SendButton type="submit" busy={busy} wait={wait} {...rest} />
);

interface DialogFormProps extends Pick<SubmitButtonProps, "look"> {
  form: FormState;
  text?: ReactNode;
  /** The verb of the request. */
  yes: string;
  no?: string;
  onCancel: () => void;
  children: ReactNode;
}

/** A form within a dialog. */
export function DialogForm({ form, text, yes, look, no = "Cancel", onCancel, children }: DialogFormProps) {
  return (
    <form {...form.attributes} className="contents">
      <DialogBody>
        {text && <DialogText>{text}</DialogText>}
        {form.problem && <Notice tone="bad">{form.problem}</Notice>}
        {!text && <div className="h-px" />}
        {children}
      </DialogBody>
      <DialogFooter>
        <Button onClick={onCancel} disabled={form.busy}>
          {no}
        </Button>
        <SubmitButton form={form} look={look}>
          {yes}
        </SubmitButton>
      </DialogFooter>
    </form>
  );
}

/** A dialog with only a form. */
export function FormDialog({
  title,
  row,
  onClose,
  ...rest
}: Pick<DialogProps, "title" | "row" | "onClose"> & Omit<DialogFormProps, "onCancel" | "no">) {
  return (
    <Dialog title={title} row={row} busy={rest.form.busy} onClose={onClose}>
      <DialogForm {...rest} onCancel={onClose} />
    </Dialog>
  );
}
