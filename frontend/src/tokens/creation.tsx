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

/** The state of creating one token, until its secret was copied. */
export interface Creation {
  request: UseMutationResult<void, Error, NewToken>;
  /** The details of a token that may exist. While set, `request` repeats them, whatever it is given. */
  unsettled: NewToken | undefined;
  created: Created | undefined;
  /** The token exists, but the answer with its secret was lost. */
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

/** Appended to an error if the token may have been created. */
export const unsettledHint =
  " The token may have been created. Try again to find out; that does not create a second one.";

/**
 * Creates a token. The secret does not become the mutation's result, which the query library would keep. `finished` is
 * whether the secret was dealt with already.
 */
export function useCreation(onLeave: () => void, finished = false): Creation {
  const client = useQueryClient();
  const tokens = useCreator<Answer, NewToken>("/api_token");
  const [unsettled, setUnsettled] = useState<NewToken>();
  const [created, setCreated] = useState<Created>();
  const [lost, setLost] = useState<ApiToken>();
  const [left, setLeft] = useState<ApiToken>();
  const [copied, setCopied] = useState(false);
  const [asking, setAsking] = useState(false);
  const request = useMutation({
    gcTime: 0,
    mutationFn: async (details: NewToken) => {
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
    question: asking && <LeaveQuestion secret={uncopied} onYes={onLeave} onNo={() => setAsking(false)} />,
  };
}

interface LeaveQuestionProps {
  /** Whether there is a secret to lose, or only the chance of one. */
  secret: boolean;
  onYes: () => void;
  onNo: () => void;
}

function LeaveQuestion({ secret, ...answers }: LeaveQuestionProps) {
  return secret ? (
    <Question title="Close without copying?" yes="Close without copying" no="Back to the token" {...answers}>
      <p>The token has not been copied yet. Once closed, it can’t be shown again.</p>
    </Question>
  ) : (
    <Question title="Close without an answer?" look="primary" yes="Close" no="Back" {...answers}>
      <p>
        The token may have been created, and no one would have its secret. If it appears in the list, revoke
        it there.
      </p>
    </Question>
  );
}
