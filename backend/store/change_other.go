//go:build !linux

package store

import "io/fs"

// changeOf returns ok false: this system does not tell when a file last changed.
func changeOf(fs.FileInfo) (change string, ok bool) { return "", false }
