package command

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// heapShare is the share of a container's memory for Go's heap; above it the garbage collector runs constantly. The
// rest is for memory that Go does not manage, such as the token cache and SQLite's pages.
const heapShare = 0.6

// garbageShare is how much the heap may grow between two collections, in percent. Most of a large heap is lists of tokens and uses
// that wait for the store, without pointers. A collection therefore costs little, and half of Go's default saves memory.
const garbageShare = 50

// limitMemory applies the container's memory limit (cgroup), if there is one, to Go's runtime until the context ends, and
// sets garbageShare. GOMEMLIMIT and GOGC take precedence.
func limitMemory(ctx context.Context, log *slog.Logger, limit memlimit.Provider) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbageShare)
	}
	_, err := memlimit.Set(memlimit.WithProvider(limit), memlimit.WithRatio(heapShare), memlimit.WithRefreshInterval(ctx, time.Minute))
	if err != nil {
		log.Debug("the container's memory limit can't be read; set GOMEMLIMIT instead", "cause", err)
	}
}
