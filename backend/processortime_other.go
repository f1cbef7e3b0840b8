//go:build !unix

package backend

import "time"

// processorTime is how long this process has run on processors; 0 where the system does not say.
func processorTime() time.Duration { return 0 }
