package store

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"sync"
	"time"

	"gorm.io/gorm"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// interruptEvery is how often a read whose context has ended is interrupted: SQLite forgets an interrupt that comes
// between two statements.
const interruptEvery = 5 * time.Millisecond

// interruptibly runs f on one connection for reading, and interrupts SQLite there once ctx has ended. The driver does so
// only until a query has rows to ask for, and SQLite sorts when the first row is asked for.
func (s *db) interruptibly(ctx context.Context, f func(tx *gorm.DB) error) error {
	return s.reader.WithContext(ctx).Connection(func(tx *gorm.DB) error {
		handle, err := handleOf(tx.Statement.ConnPool)
		if err != nil {
			return err
		}
		over := make(chan struct{})
		var interrupts sync.WaitGroup
		interrupts.Add(1)
		stop := context.AfterFunc(ctx, func() {
			defer interrupts.Done()
			interruptUntil(over, handle)
		})
		// The connection goes back to its pool only when nothing interrupts it any more.
		defer func() {
			close(over)
			if stop() {
				interrupts.Done()
			}
			interrupts.Wait()
		}()
		return f(tx)
	})
}

// interruptUntil interrupts what runs on a connection again and again, until over is closed.
func interruptUntil(over <-chan struct{}, handle uintptr) {
	thread := libc.NewTLS()
	defer thread.Close()
	again := time.NewTicker(interruptEvery)
	defer again.Stop()
	for {
		sqlite3.Xsqlite3_interrupt(thread, handle)
		select {
		case <-over:
			return
		case <-again.C:
		}
	}
}

// handleOf returns SQLite's handle of a connection, which the driver keeps to itself.
func handleOf(pool gorm.ConnPool) (handle uintptr, err error) {
	conn, ok := pool.(*sql.Conn)
	if !ok {
		return 0, fmt.Errorf("store: %T is no single connection", pool)
	}
	err = conn.Raw(func(driverConn any) error {
		field := reflect.Indirect(reflect.ValueOf(driverConn)).FieldByName("db")
		if !field.IsValid() || field.Kind() != reflect.Uintptr {
			return fmt.Errorf("store: the driver's %T has no handle", driverConn)
		}
		handle = uintptr(field.Uint())
		return nil
	})
	return handle, err
}
