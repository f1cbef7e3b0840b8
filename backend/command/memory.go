package command

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// heapShare is the share of a container's memory for Go's heap; above it the garbage collector runs constantly. The
// rest is for memory that Go does not manage, such as the token cache and SQLite's pages.
const heapShare = 0.6

// garbageShare is how much the heap may grow between two collections, in percent. Most of a large heap is lists of tokens and uses
// that wait for the store, without pointers. A collection therefore costs little, and half of Go's default saves memory.
const garbageShare = 50

// leastGarbage is how many bytes of garbage gather before a collection, however small the heap is. With garbageShare alone, reports
// of agents would make it collect dozens of times a second, each time on the processors that validations need.
const leastGarbage = 32 << 20

// limitMemory applies the container's memory limit (cgroup), if there is one, to Go's runtime until the context ends, and
// sets how much garbage may gather. GOMEMLIMIT and GOGC take precedence.
func limitMemory(ctx context.Context, log *slog.Logger, limit memlimit.Provider) {
	if os.Getenv("GOGC") == "" {
		shareGarbage(ctx)
	}
	_, err := memlimit.Set(memlimit.WithProvider(limit), memlimit.WithRatio(heapShare), memlimit.WithRefreshInterval(ctx, time.Minute))
	if err != nil {
		log.Debug("the container's memory limit can't be read; set GOMEMLIMIT instead", "cause", err)
	}
}

// shareGarbage sets how much the heap may grow, now and after each collection until the context ends.
func shareGarbage(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(growth(live[0].Value.Uint64()))
	collected := new(*int) // has a pointer, else the runtime may keep it longer
	runtime.SetFinalizer(collected, func(**int) { shareGarbage(ctx) })
}

// growth returns how much a heap of so many bytes may grow, in percent. It takes a heap for 8 MiB at least: a smaller one may
// grow soon, and by the time of its next collection the percentage would be of more.
func growth(live uint64) int { return max(garbageShare, int(leastGarbage*100/max(live, 8<<20))) }
