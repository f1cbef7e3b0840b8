package store

import (
	"path/filepath"
	"time"

	"tokentab/backend/fault"
)

// What agents report leaves some room on the disk: a twentieth of it, from leastRoom to mostRoom bytes. Agents may fill
// the rest, and tokens can still be revoked.
const (
	roomShare = 20
	leastRoom = 1 << 20
	mostRoom  = 64 << 20
	// roomFactor is how much room a value may take for a while: in the WAL, in the database, and for both's pages.
	roomFactor = 3
)

// checkRoom returns fault.Unavailable if this many bytes more would take the room that is left for other changes.
func (s *db) checkRoom(bytes int) error {
	more := int64(bytes) * roomFactor
	free, size := diskSpace(filepath.Dir(s.path))
	// The database grows by what is only in the WAL.
	isShort := size > 0 && free-more-sizeOfFile(s.path+"-wal") < roomOf(size)
	if limit := fileLimit(); limit > 0 && !isShort {
		isShort = isLarger(s.path, limit-roomOf(limit)-more) || isLarger(s.path+"-wal", limit-roomOf(limit)-more)
	}
	s.health.isShort.Store(isShort) // tend then empties the WAL
	if !isShort {
		return nil
	}
	s.health.tellShort()
	return &fault.Error{Kind: fault.Unavailable, RetryAfter: time.Second,
		Message: "The server's disk is almost full, so it takes no reports of agents. Tokens are still validated and can be changed."}
}

// shortEvery is how often the log says that the disk is almost full.
const shortEvery = time.Minute

func (h *health) tellShort() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if since := h.now().Sub(h.toldShort); h.log == nil || since >= 0 && since < shortEvery {
		return
	}
	h.toldShort = h.now()
	h.log.Error("the disk is almost full, so agents can report nothing", "do", "make space on the disk of the data folder")
}

// roomOf returns the room that is left of a disk, or of the largest file that the system allows, in bytes.
func roomOf(size int64) int64 { return min(max(size/roomShare, leastRoom), mostRoom) }
