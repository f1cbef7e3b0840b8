package backend

import "tokentab/backend/token"

// verdicts is the cache of verdicts, as seen by packages that end tokens without knowing what a token is.
type verdicts struct{ *token.Tokens }

// Forget drops the cached verdict of the token whose secret has this hash.
func (v verdicts) Forget(hash [32]byte) { v.Tokens.Forget(hash) }
