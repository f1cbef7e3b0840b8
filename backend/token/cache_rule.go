//go:build !mutation_fill

package token

// keepsWhatMayBeOld breaks the rule of the cache, to show that the tests find it. It is false in every program.
const keepsWhatMayBeOld = false
