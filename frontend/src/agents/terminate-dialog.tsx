import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { announce } from "../ui/toast";
import type { AgentInstance } from "../wire";
import { instanceTitle, useTerminate } from "./instances";

interface TerminateDialogProps {
  instance: Pick<AgentInstance, "id">;
  onClose: () => void;
}

/** Ends a run, with a reason. */
export default function TerminateDialog({ instance, onClose }: TerminateDialogProps) {
  const form = useForm({
    start: { reason: "" },
    check: ({ reason }) => ({ reason: reason.trim() ? null : "Enter a reason." }),
    request: useTerminate(instance.id),
    details: ({ reason }) => ({ reason: reason.trim() }),
    onDone: () => {
      onClose();
      announce(`${instanceTitle(instance)} terminated.`, instance.id);
    },
  });
  return (
    <FormDialog
      form={form}
      title="Terminate this instance?"
      row={instance.id}
      text={
        <>
          <span className="text-ink">{instanceTitle(instance)}</span> ends now. Its SDK stops the run at its
          next span, or within 30 seconds. This can’t be undone.
        </>
      }
      yes="Terminate instance"
      look="danger"
      onClose={onClose}
    >
      <Field
        label="Reason"
        hint="The agent’s SDK gets it, and this page shows it."
        maxLength={1000}
        autoComplete="off"
        {...form.field("reason")}
      />
    </FormDialog>
  );
}
