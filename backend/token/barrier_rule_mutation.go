//go:build mutation_join

package token

const joinsLookUnderWay = true
