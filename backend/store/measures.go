package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
	"tokentab/backend/metrics"
)

// measure measures one kind of operation.
type measure struct {
	took   metrics.Histogram
	failed atomic.Uint64
}

// measures are of a database's operations.
type measures struct {
	read    measure // a read, with its wait for a connection
	find    measure // the lookup of a validation
	change  measure // a change, from its wait for a turn until it is kept
	commit  measure // the end of a transaction, which one or several changes share
	quickly measure // a change that need not be on the disk, such as uses, with its wait
}

// end ends an operation that began at an instant. It counts a failure if the store is to blame, not the request.
func (m *measure) end(began time.Time, err error) {
	m.took.Since(began)
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind == fault.Unavailable {
		m.failed.Add(1)
	}
}

// EachOperation calls add with how long each kind of operation takes, and how often it failed.
func (s *db) EachOperation(add func(took *metrics.Histogram, failed uint64, kind string)) {
	m := &s.measures
	for kind, of := range map[string]*measure{"read": &m.read, "find": &m.find, "change": &m.change, "commit": &m.commit, "change_soon": &m.quickly} {
		add(&of.took, of.failed.Load(), kind)
	}
}

// Sizes are the sizes of a database, in bytes.
type Sizes struct {
	Database, WAL int64
	Free, Disk    int64 // of its file system; Disk is 0 if the system does not say
}

// Sizes returns the sizes of the database. On Postgres it has only that of the database, and 0 if the server does not answer.
func (s *db) Sizes() Sizes {
	if s.onDisk == nil {
		bytes, _ := read(s.tended, s, func(tx *gorm.DB) (int64, error) {
			return value[int64](tx, "SELECT pg_database_size(current_database())")
		})
		return Sizes{Database: bytes}
	}
	size := Sizes{Database: sizeOfFile(s.path), WAL: sizeOfFile(s.path + "-wal")}
	size.Free, size.Disk = diskSpace(filepath.Dir(s.path))
	return size
}
