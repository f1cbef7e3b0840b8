package command

import (
	"context"
	"log/slog"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// heapShare is the share of a container's memory for Go's heap; above it the garbage collector runs constantly. The
// rest is for memory that Go does not manage: the token cache and SQLite's pages.
const heapShare = 0.6

// limitMemory applies the container's memory limit (cgroup), if there is one, to Go's runtime until the context ends.
// GOMEMLIMIT takes precedence.
func limitMemory(ctx context.Context, log *slog.Logger, limit memlimit.Provider) {
	_, err := memlimit.Set(memlimit.WithProvider(limit), memlimit.WithRatio(heapShare), memlimit.WithRefreshInterval(ctx, time.Minute))
	if err != nil {
		log.Debug("the container's memory limit can't be read; set GOMEMLIMIT instead", "cause", err)
	}
}
