package token

import "tokentab/backend/pfid"

// WatchUses calls used for each token with uses that no flush has taken yet, once for accepted and once for refused ones.
// Until the next call, flushes do the same for what they take. With nil it only stops that. used must not wait.
func (ts *Tokens) WatchUses(used func(token pfid.ID, refused bool)) {
	if used == nil {
		ts.uses.watcher.Store(nil)
		return
	}
	ts.uses.watcher.Store(&used)
	for i := range ts.uses.shards {
		ts.uses.shards[i].tell(used)
	}
}

func (s *pendingShard) tell(used func(token pfid.ID, refused bool)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n := uint32(1); n <= s.entries.used; n++ {
		s.entries.at(n).tell(used)
	}
}

func (u *pendingUse) tell(used func(token pfid.ID, refused bool)) {
	if u.accepted.Load() > 0 {
		used(u.token, false)
	}
	if u.refused.Load() > 0 {
		used(u.token, true)
	}
}
