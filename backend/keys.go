package backend

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// revokeAtOnce is how many tokens of a withdrawn key one transaction revokes. Other changes wait for it.
const revokeAtOnce = 500

// WithdrawKey withdraws a signing key and revokes all tokens that it signed or may have signed. It returns their
// number once a server that runs on the same data refuses them all. If it is interrupted, a second call finishes the
// rest. It returns fault.NotFound if there is no such key.
func (b *Backend) WithdrawKey(ctx context.Context, kid string) (revoked int, err error) {
	if err := b.Signer.Withdraw(ctx, kid); err != nil {
		return 0, err
	}
	at := b.now().UTC()
	recorder := func(account pfid.ID) audit.Recorder {
		return audit.NewRecorder(at, audit.Actor{AccountID: account}, b.random)
	}
	for {
		n, more, err := b.store.Keys.RevokeSomeOfKey(ctx, kid, revokeAtOnce, at, recorder)
		if err != nil {
			return revoked, err
		}
		if !more {
			return revoked, b.AwaitServer(ctx)
		}
		revoked += n
	}
}
