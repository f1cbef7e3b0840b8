package backend

import "tokentab/backend/token"

// verdicts is the cache of validation for the nouns that end tokens without knowing what a token is.
type verdicts struct{ *token.Cache }

// Forget drops what is remembered of the token with this hash of its secret.
func (v verdicts) Forget(hash [32]byte) { v.Cache.Forget(hash) }
