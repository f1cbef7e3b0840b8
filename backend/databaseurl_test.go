package backend_test

import (
	"sync/atomic"
	"testing"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/pgtest"
)

func TestAServerReadsTheURLOfItsDatabaseAgainToConnect(t *testing.T) {
	pgtest.OnPostgres(t)
	url := config.Secret(pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0"))
	var reads atomic.Int32
	backendtest.Start(t, onPostgres(string(url)), func(c *config.Config, _ *backend.World) {
		c.DatabaseURLAgain = func() (config.Secret, error) {
			reads.Add(1)
			return url, nil
		}
	})
	if reads.Load() == 0 {
		t.Error("it never did")
	}
}
