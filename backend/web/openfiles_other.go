//go:build !unix

package web

import "math"

// openFiles returns the largest int32: this system has no limit on open files.
func openFiles() int { return math.MaxInt32 }
