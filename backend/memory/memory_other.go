//go:build !linux || race

package memory

func reserve[T any](n int) ([]T, func(), error) { return make([]T, n), func() {}, nil }
