package activity

import (
	"context"
	"time"

	"tokentab/backend/pfid"
)

// Keep is how much activity is kept.
type Keep struct {
	For  time.Duration // how long spans, and instances without spans, are kept
	Most int64         // bytes of all instances and spans together
}

// MostVersions is how many versions that its instances registered an agent has, and MostSchemaBytes how large the schema versions are
// that they registered. The oldest ones go, even if instances have them, but not the current version of a deployment.
const (
	MostVersions    = 10_000
	MostSchemaBytes = 64 << 20
)

// TrimStore removes activity in small steps, each of which is one transaction. Stamps after now are from a clock that was
// ahead, and keep nothing longer.
type TrimStore interface {
	// TrimSpans removes some of the oldest spans that arrived before an instant. If all spans and instances exceed most bytes, it
	// removes some of the oldest of the account with the most, of instances only those without spans. Open spans of instances
	// that still report go only if there are few others. more reports whether there may be others.
	TrimSpans(ctx context.Context, now, before time.Time, most int64) (more bool, err error)
	// TrimDeleted removes some of what belongs to deleted agents, deployments and environments.
	TrimDeleted(ctx context.Context) (more bool, err error)
	// TrimInstances removes instances without spans whose last activity was before an instant. It looks at some
	// instances with numbers above after, and returns the last one of them; 0 if there are no more.
	TrimInstances(ctx context.Context, now, before time.Time, after int64) (last int64, err error)
	// TrimVersions removes versions that agents registered before an instant and that neither an instance nor a deployment
	// has, with their schema versions. It looks at some versions with ids above after, and returns the last one of them;
	// zero if there are no more.
	TrimVersions(ctx context.Context, now, before time.Time, after pfid.ID) (last pfid.ID, err error)
}

// Bounds returns the earliest and the latest time that it may be now.
type Bounds func(ctx context.Context) (earliest, latest time.Time, err error)

// Trim removes what is not to be kept, oldest first, and calls rest after each step. It looks at the clock before each one: after a
// long step, what was reported meanwhile would count as from a clock that was ahead. The instances and versions are looked at from
// where the last Trim ended, one step for each call.
func (a *Activity) Trim(ctx context.Context, keep Keep, bounds Bounds, rest func()) error {
	a.trimming.Lock()
	defer a.trimming.Unlock()
	for _, step := range []func(now, before time.Time) (more bool, err error){
		func(_, _ time.Time) (bool, error) { return a.store.TrimDeleted(ctx) },
		func(now, before time.Time) (bool, error) { return a.store.TrimSpans(ctx, now, before, keep.Most) },
		func(now, before time.Time) (bool, error) {
			last, err := a.store.TrimInstances(ctx, now, before, a.trimmed)
			if err == nil {
				a.trimmed = last
			}
			return false, err
		},
		func(now, before time.Time) (bool, error) {
			last, err := a.store.TrimVersions(ctx, now, before, a.trimmedVersion)
			if err == nil {
				a.trimmedVersion = last
			}
			return false, err
		},
	} {
		for more := true; more; {
			earliest, latest, err := bounds(ctx)
			if err == nil {
				more, err = step(latest, earliest.Add(-keep.For))
			}
			if err != nil {
				return err
			}
			rest()
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}
