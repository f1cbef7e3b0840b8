//go:build !linux

package main

import "testing"

// servesAsAContainer does nothing: containers run on Linux.
func servesAsAContainer(*testing.T, string) {}
