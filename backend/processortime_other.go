//go:build !unix

package backend

import "time"

// processorTime returns how long this process has run on processors; 0 if the system does not say.
func processorTime() time.Duration { return 0 }
