import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { One } from "../api";
import { useCreator } from "../once";
import { useLeaveGuard } from "../ui/leave-guard";
import { Question } from "../ui/question";
import type { ApiToken } from "../wire";
import { type NewToken, tokensKey } from "./tokens";

/** A new token and its secret, which no later answer holds. */
export interface Created {
  token: ApiToken;
  secret: string;
}

type Answer = One<ApiToken> & { token?: string };

/** A request that answers with a secret. */
export interface Issuing {
  path: string;
  /** Appended to an error if the request may have been carried out. */
  hint: string;
  /** The same, in the question before the dialog is left. */
  unanswered: string;
}

const creating: Issuing = {
  path: "/api_token",
  hint: " The token may have been created. Try again to find out; that does not create a second one.",
  unanswered:
    "The token may have been created, and no one would have its secret. If it appears in the list, revoke it there.",
};

/** The state of creating one token, or of rotating it, until its secret was copied. */
export interface Creation<D extends object = NewToken> {
  request: UseMutationResult<void, Error, D>;
  /** The details of a request that may have been carried out. While set, `request` repeats them, whatever it is given. */
  unsettled: D | undefined;
  /** Appended to an error while unsettled. */
  hint: string;
  created: Created | undefined;
  /** The token has the secret, but the answer with it was lost. */
  lost: ApiToken | undefined;
  /** A lost token that stays active. */
  left: ApiToken | undefined;
  /** Returns to the form. `stays` is whether the lost token stays active. */
  startOver: (stays: boolean) => void;
  copied: boolean;
  onCopied: () => void;
  /** Calls onLeave, unless that could lose the secret: it then asks first, or waits for the answer. */
  leave: () => void;
  /** The question of `leave`, to be rendered within the dialog. */
  question: ReactNode;
}

/** Creates a token. `finished` is whether the secret was dealt with already. */
export const useCreation = (onLeave: () => void, finished = false) =>
  useIssuing<NewToken>(creating, onLeave, finished);

/** Issues a secret. It does not become the mutation's result, which the query library would keep. */
export function useIssuing<D extends object>(
  { path, hint, unanswered: warning }: Issuing,
  onLeave: () => void,
  finished = false,
): Creation<D> {
  const client = useQueryClient();
  const tokens = useCreator<Answer, D>(path);
  const [unsettled, setUnsettled] = useState<D>();
  const [created, setCreated] = useState<Created>();
  const [lost, setLost] = useState<ApiToken>();
  const [left, setLeft] = useState<ApiToken>();
  const [copied, setCopied] = useState(false);
  const [asking, setAsking] = useState(false);
  const request = useMutation({
    gcTime: 0,
    mutationFn: async (details: D) => {
      try {
        const { details: token, token: secret } = await tokens.send(tokens.unsettled ?? details);
        if (secret) setCreated({ token, secret });
        else setLost(token);
      } finally {
        setUnsettled(tokens.unsettled);
      }
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: tokensKey });
    },
  });
  const busy = request.isPending && !created;
  const unanswered = unsettled !== undefined && !busy;
  const uncopied = created !== undefined && !copied && !finished;
  function leave() {
    if (uncopied || unanswered) setAsking(true);
    else if (!busy) onLeave();
  }
  useLeaveGuard(busy || uncopied, leave);
  useLeaveGuard(unanswered, leave, false);

  return {
    request,
    unsettled,
    hint: unsettled ? hint : "",
    created,
    lost,
    left,
    startOver: (stays) => {
      setLeft(stays ? lost : undefined);
      setLost(undefined);
      request.reset();
    },
    copied,
    onCopied: () => setCopied(true),
    leave,
    question: asking && (
      <LeaveQuestion secret={uncopied} warning={warning} onYes={onLeave} onNo={() => setAsking(false)} />
    ),
  };
}

interface LeaveQuestionProps {
  /** Whether there is a secret to lose, or only the chance of one. */
  secret: boolean;
  warning: string;
  onYes: () => void;
  onNo: () => void;
}

function LeaveQuestion({ secret, warning, ...answers }: LeaveQuestionProps) {
  return secret ? (
    <Question title="Close without copying?" yes="Close without copying" no="Back to the token" {...answers}>
      <p>The token has not been copied yet. Once closed, it can’t be shown again.</p>
    </Question>
  ) : (
    <Question title="Close without an answer?" look="primary" yes="Close" no="Back" {...answers}>
      <p>{warning}</p>
    </Question>
  );
}
