package command

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestTheMemoryLimitOfAContainerIsRespected(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	limitMemory(t.Context(), slog.New(slog.DiscardHandler), memlimit.Limit(200<<20))
	if got := debug.SetMemoryLimit(-1); got != 120<<20 {
		t.Errorf("the limit is %d MiB", got>>20)
	}
	limitMemory(t.Context(), slog.New(slog.DiscardHandler), func() (uint64, error) { return 0, memlimit.ErrCgroupsNotSupported })
	if got := debug.SetMemoryLimit(-1); got != 120<<20 {
		t.Errorf("where there is no container, the limit becomes %d MiB", got>>20)
	}
}

func TestAHeapGrowsByHalfButASmallOneByMore(t *testing.T) {
	for live, want := range map[uint64]uint64{0: leastGarbage, 4 << 20: leastGarbage, 32 << 20: leastGarbage, 64 << 20: leastGarbage, 1 << 30: 512 << 20} {
		if got := max(live, 8<<20) * uint64(growth(live)) / 100; got != want {
			t.Errorf("a heap of %d MiB grows by %d MiB instead of %d", live>>20, got>>20, want>>20)
		}
	}
	// The percentage stays until the next collection, when as much may be alive as is usual under load.
	if next := uint64(12<<20) * uint64(growth(0)) / 100; next > 48<<20 {
		t.Errorf("after a start, a heap of 12 MiB would grow by %d MiB", next>>20)
	}
}

func TestTheGrowthOfTheHeapFollowsEachCollection(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	limitMemory(ctx, slog.New(slog.DiscardHandler), func() (uint64, error) { return 0, memlimit.ErrCgroupsNotSupported })
	large := make([]byte, 256<<20)
	share := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	for range 1000 { // the runtime calls finalizers some time after a collection
		runtime.GC()
		if metrics.Read(share); share[0].Value.Uint64() == garbageShare {
			runtime.KeepAlive(large)
			return
		}
	}
	t.Errorf("with a large heap, it grows by %d %%", share[0].Value.Uint64())
}

func TestTheMemoryThatTheSettingsRecommendIsEnough(t *testing.T) {
	for tokens, recommended := range map[int]uint64{100_000: 192 << 20, 1_000_000: 640 << 20} {
		if need := memoryFor(tokens); need > recommended {
			t.Errorf("%d tokens take up to %d MiB, and docs/settings.md recommends %d", tokens, need>>20, recommended>>20)
		}
	}
}
