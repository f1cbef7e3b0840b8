//go:build !unix

package web

import "math"

// openFiles returns how many files the process may have open; this system has no such limit.
func openFiles() int { return math.MaxInt32 }
