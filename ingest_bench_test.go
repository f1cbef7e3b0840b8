package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend/store"
)

// BenchmarkIngest compares spans of 1 KiB that 8 connections report to the program, each until it is acknowledged, with
// the same rows, each written by a commit of its own into the same database.
func BenchmarkIngest(b *testing.B) {
	folder, manager := setUp(b)
	binary := filepath.Join(b.TempDir(), "tokentab")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		b.Fatal(err)
	}
	s := serveBinary(b, binary, folder)
	in := newIngest(b, s, manager, createAgent(b, s, manager))
	b.Run("program", func(b *testing.B) {
		var left atomic.Int64
		left.Store(int64(b.N))
		var all sync.WaitGroup
		for range ingestConnections {
			all.Go(func() {
				client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
				defer client.CloseIdleConnections()
				for left.Add(-1) >= 0 {
					n, span := in.next()
					if status, err := in.create(s, client, n, span); err != nil || status != http.StatusOK {
						b.Errorf("%d %v", status, err)
						return
					}
				}
			})
		}
		all.Wait()
		perSecond(b)
	})
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	b.Run("one commit each", func(b *testing.B) {
		for range b.N {
			n, span := in.next()
			if err := commitOne(db, n, span.payload); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
}

// commitOne writes what the program writes for a span.
func commitOne(db *sql.DB, n int, payload string) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	now := time.Now().UnixMilli()
	_, err = tx.Exec(`INSERT INTO agent_spans (account_id, instance, agent_id, schema_name, status, created_status, size, started_at, inserted_at, updated_at, id, payload, creation_key, creation_hash)
		SELECT account_id, instance, agent_id, schema_name, status, created_status, size, ?1, ?1, ?1, ?2, ?3, ?4, ?4 FROM agent_spans LIMIT 1`, now, fmt.Sprintf("%032d", n), payload, fmt.Appendf(nil, "%016d", n))
	if err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE agent_instances SET active_spans = active_spans + 1, updated_at = ? WHERE number = (SELECT instance FROM agent_spans LIMIT 1)", now); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE activity_size SET bytes = bytes + ?", len(payload)); err != nil {
		return err
	}
	return tx.Commit()
}

// perSecond reports how many spans were acknowledged per second.
func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "spans/s")
	b.ReportMetric(0, "ns/op")
}
