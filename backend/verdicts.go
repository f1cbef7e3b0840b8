package backend

import "tokentab/backend/token"

// verdicts is what is remembered of tokens, for the nouns that end tokens without knowing what a token is.
type verdicts struct{ *token.Tokens }

// Forget drops what is remembered of the token with this hash of its secret.
func (v verdicts) Forget(hash [32]byte) { v.Tokens.Forget(hash) }
