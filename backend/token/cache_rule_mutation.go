//go:build mutation_fill

package token

const keepsWhatMayBeOld = true
