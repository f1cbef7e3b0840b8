package store

import (
	"database/sql/driver"
	"fmt"

	sqlite "github.com/glebarez/go-sqlite"

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
}
