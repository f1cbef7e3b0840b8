package store

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"slices"

	"modernc.org/sqlite"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Migrations need these functions, which SQL can't express. They are registered for every connection.
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

// notedTimes reads a blob of last uses as written by schemas 4 to 13: 48 bytes per use, with token id, agent id or
// zeros, and Unix milliseconds. It returns a JSON object of the newest time by id; from is the offset of that id in a
// use. It skips unreadable uses.
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
