package command

import (
	"context"
	"log/slog"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// heapShare is how much of a container's memory the Go runtime may use before it collects garbage at any price. The rest
// is for what it does not know of: the cache of tokens and the pages of SQLite.
const heapShare = 0.6

// limitMemory makes the runtime respect the memory limit of its container (cgroup), as far as there is one, until the
// context ends. The variable GOMEMLIMIT wins.
func limitMemory(ctx context.Context, log *slog.Logger, limit memlimit.Provider) {
	_, err := memlimit.Set(memlimit.WithProvider(limit), memlimit.WithRatio(heapShare), memlimit.WithRefreshInterval(ctx, time.Minute))
	if err != nil {
		log.Debug("the memory limit of a container can't be read; GOMEMLIMIT sets one", "cause", err)
	}
}
