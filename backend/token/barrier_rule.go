//go:build !mutation_join

package token

// joinsLookUnderWay breaks the rule of the barrier, to show that the tests find it. It is false in every program.
const joinsLookUnderWay = false
