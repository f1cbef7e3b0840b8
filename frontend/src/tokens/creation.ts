import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { One } from "../api";
import { Once } from "../once";
import type { ApiToken } from "../wire";
import { type NewToken, tokensKey } from "./tokens";

/** A token just made: its record, and beside it the secret that no later answer holds. */
export interface Created {
  token: ApiToken;
  secret: string;
}

type Answer = One<ApiToken> & { token?: string };

/** One token on its way from a form to the person who copies its secret. */
export interface Creation {
  /** While unsettled it sends again what was asked first, and ignores the details. */
  request: UseMutationResult<void, Error, NewToken>;
  /** No answer came: the token may exist. Sending again finds out and makes no second one. */
  unsettled: boolean;
  created: Created | undefined;
  /** The token exists, and the answer that held its secret was lost. */
  lost: ApiToken | undefined;
  /** A lost token that was left as it is to make another one. */
  left: ApiToken | undefined;
  /** Goes back to the form; the lost token was revoked, or stays active without a holder. */
  startOver: (stays: boolean) => void;
}

/**
 * Makes a token. The secret passes through without becoming the mutation's result: the query library keeps results,
 * and nothing but the open dialog may keep a secret.
 */
export function useCreation(): Creation {
  const client = useQueryClient();
  const request = useRef<Once<Answer>>(undefined);
  const [unsettled, setUnsettled] = useState(false);
  const [created, setCreated] = useState<Created>();
  const [lost, setLost] = useState<ApiToken>();
  const [left, setLeft] = useState<ApiToken>();
  const mutation = useMutation({
    gcTime: 0,
    mutationFn: async (details: NewToken) => {
      request.current ??= new Once<Answer>("/api_token", details);
      const once = request.current;
      try {
        const { details: token, token: secret } = await once.send();
        if (secret) setCreated({ token, secret });
        else setLost(token);
      } finally {
        if (!once.unsettled) request.current = undefined;
        setUnsettled(once.unsettled);
      }
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: tokensKey });
    },
  });
  return {
    request: mutation,
    unsettled,
    created,
    lost,
    left,
    startOver: (stays) => {
      setLeft(stays ? lost : undefined);
      setLost(undefined);
      mutation.reset();
    },
  };
}
