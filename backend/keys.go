package backend

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// revokeAtOnce is how many tokens of a withdrawn key one transaction revokes: other changes wait for it.
const revokeAtOnce = 500

// WithdrawKey ends a signing key and revokes every token that it signed, or may have signed. It returns how many, after a
// server that runs on the same data refuses them all. What an interruption leaves over, a second call ends.
func (b *Backend) WithdrawKey(ctx context.Context, kid string) (revoked int, err error) {
	if err := b.Signer.Withdraw(ctx, kid); err != nil {
		return 0, err
	}
	at := b.now().UTC()
	recorder := func(account pfid.ID) audit.Recorder {
		return audit.NewRecorder(at, audit.Actor{AccountID: account}, b.random)
	}
	for {
		n, err := b.store.RevokeSomeOfKey(ctx, kid, revokeAtOnce, at, recorder)
		if err != nil {
			return revoked, err
		}
		if n == 0 {
			return revoked, b.awaitServer(ctx)
		}
		revoked += n
	}
}
