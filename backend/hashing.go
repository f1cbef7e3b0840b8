package backend

import (
	"runtime"
	"time"
)

// hashingPiece is how long hashing works between two pauses. On one core, validations wait for one piece.
const hashingPiece = 300 * time.Microsecond

// paced returns a function that pauses between pieces of hashing, so that hashing uses a quarter of all processor
// time, and one processor at most. It measures the work from one call to the next.
func paced() func() {
	idle := 4/float64(runtime.GOMAXPROCS(0)) - 1 // pause per unit of work
	began := time.Now()
	return func() {
		worked := time.Since(began)
		if worked < hashingPiece || idle <= 0 {
			return
		}
		// The time since the last call may include idle time between two hashes, or time that others had the
		// processor.
		time.Sleep(time.Duration(float64(min(worked, 2*hashingPiece)) * idle))
		began = time.Now()
	}
}
