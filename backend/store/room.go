package store

import (
	"context"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
)

// Reports of agents leave some of the disk free, so that tokens can still be revoked: a twentieth of it, from leastRoom to
// mostRoom bytes.
const (
	roomShare = 20
	leastRoom = 1 << 20
	mostRoom  = 64 << 20
	// roomFactor is how much room a value may take for a while: in the WAL, in the database, and for both's pages.
	roomFactor = 3
)

// checkRoom returns fault.Unavailable if this many bytes more would take the room that is left for other changes.
// On Postgres the disk is another machine's.
func (s *db) checkRoom(ctx context.Context, bytes int) error {
	if s.onDisk == nil {
		return nil
	}
	isShort := s.lacksRoom(ctx, bytes)
	s.health.isShort.Store(isShort) // tend then empties the WAL, and looks again
	if !isShort {
		return nil
	}
	s.health.tellShort()
	return &fault.Error{Kind: fault.Unavailable, RetryAfter: time.Second,
		Message: "The server's disk is almost full, so it takes no reports of agents. Tokens are still validated and can be changed."}
}

// lacksRoom reports whether this many bytes more would take the room. The free pages of the database are room too, since it
// grows only when it has none; but the WAL needs some of the disk before it is written back.
func (s *db) lacksRoom(ctx context.Context, bytes int) bool {
	more := int64(bytes) * roomFactor
	free, size := diskSpace(filepath.Dir(s.path))
	limit := fileLimit()
	lacks := func(within int64) bool {
		// The database grows by what is only in the WAL.
		return size > 0 && free+within-more-sizeOfFile(s.path+"-wal") < roomOf(size) || limit > 0 && isLarger(s.path, limit-roomOf(limit)-more+within)
	}
	switch {
	case size > 0 && free-more < roomOf(size)/2, limit > 0 && isLarger(s.path+"-wal", limit-roomOf(limit)-more):
		return true
	case !lacks(0):
		return false
	}
	within, err := read(ctx, s, freeBytes)
	return err != nil || lacks(within)
}

// freeBytes returns the size of the pages of the database that hold nothing.
func freeBytes(tx *gorm.DB) (int64, error) {
	pages, err := value[int64](tx, "PRAGMA freelist_count")
	if err != nil {
		return 0, err
	}
	size, err := value[int64](tx, "PRAGMA page_size")
	return pages * size, err
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
