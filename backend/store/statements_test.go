package store

import (
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tokentab/backend/pgtest"
)

func TestStatementsOfATransactionAreCompiledForTheNextOnes(t *testing.T) {
	pgtest.OnSQLite(t, "its driver keeps no statements")
	s, _ := openQuiet(t, t.TempDir())
	pool, ok := s.writer.ConnPool.(*statements)
	if !ok {
		t.Fatalf("the pool is a %T", s.writer.ConnPool)
	}
	const query = "SELECT value FROM settings WHERE name = 'compiled'"
	var compiled []*statement
	for range 3 {
		err := s.change(t.Context(), func(tx *gorm.DB) error {
			_, err := value[string](tx, query)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		compiled = append(compiled, pool.kept[query])
	}
	if compiled[0] != nil || compiled[1] == nil || compiled[2] != compiled[1] || compiled[1].users != 0 {
		t.Errorf("compiled: %v", compiled)
	}
}

func TestStatementsStayUsableWhileOthersReplaceThem(t *testing.T) {
	s, _ := openQuiet(t, t.TempDir())
	var done sync.WaitGroup
	for w := range 4 {
		done.Go(func() {
			for i := range maxStatements {
				n, want := 0, w*maxStatements+i
				err := s.readTogether(t.Context(), func(tx *gorm.DB) (err error) {
					n, err = value[int](tx, fmt.Sprintf("SELECT %d + ?", want), 1)
					return err
				})
				again, err2 := read(t.Context(), s.db, func(tx *gorm.DB) (int, error) { return value[int](tx, fmt.Sprintf("SELECT ? + %d", want), 1) })
				if err != nil || err2 != nil || n != want+1 || again != n {
					t.Errorf("%d, %v; %d, %v; want %d", n, err, again, err2, want+1)
				}
			}
		})
	}
	done.Wait()
	pool, _ := s.reader.ConnPool.(*statements)
	if n := len(pool.kept); n > maxStatements {
		t.Errorf("%d statements are kept", n)
	}
}
