//go:build unix

package backend_test

import (
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/password"
)

// TestSignInsLeaveThreeQuartersOfTheProcessorsToOthers signs in on one processor, with the costs that users have.
func TestSignInsLeaveThreeQuartersOfTheProcessorsToOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := backendtest.Start(t, func(_ *config.Config, w *backend.World) { w.PasswordCosts = password.Costs{} })
	p.Found()
	ran := func() time.Duration {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			t.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	began, before := time.Now(), ran()
	for range 8 {
		p.SignIn(backendtest.Email, backendtest.Password).Must(t, http.StatusOK)
	}
	// A loaded machine makes the share smaller.
	if took, worked := time.Since(began), ran()-before; worked > took/2 {
		t.Errorf("in %s of sign-ins the processor worked for %s", took, worked)
	}
}
