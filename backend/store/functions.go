package store

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"slices"

	sqlite "github.com/glebarez/go-sqlite"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// What SQL can't say and migrations need is known to every connection.
func init() {
	sqlite.MustRegisterDeterministicScalarFunction("kept_email", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		email, ok := args[0].(string)
		if !ok {
			return nil, fmt.Errorf("kept_email takes a text")
		}
		return text.KeptEmail(email), nil
	})
	sqlite.MustRegisterDeterministicScalarFunction("noted_times", 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		uses, ok1 := args[0].([]byte)
		from, ok2 := args[1].(int64)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("noted_times takes a blob and a number")
		}
		return notedTimes(uses, int(from)), nil
	})
}

// notedTimes returns the JSON object of the newest use by id in a piece of schema 4 to 13: token id, agent id or zeros, and
// Unix milliseconds, 48 bytes for each use. from is where the id starts. It leaves out what can't be read.
func notedTimes(uses []byte, from int) string {
	const size = 2*pfid.Size + 8
	newest := map[pfid.ID]int64{}
	for use := range slices.Chunk(uses, size) {
		if len(use) == size {
			id, at := pfid.ID(use[from:from+pfid.Size]), int64(binary.BigEndian.Uint64(use[2*pfid.Size:]))
			newest[id] = max(newest[id], at)
		}
	}
	delete(newest, pfid.ID{})
	object := newTimes(len(newest))
	for id, at := range newest {
		object.add(id, at)
	}
	return object.object()
}
