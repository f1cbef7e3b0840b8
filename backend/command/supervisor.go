package command

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellSupervisor tells systemd that the server is ready, that it still responds, and, when the context ends, that it
// stops. It does nothing under other supervisors. alive must return nil if the server responds at all; it is called
// three times in the interval after which systemd restarts the service. Call the result at the end.
func tellSupervisor(ctx context.Context, log *slog.Logger, alive func(context.Context) error) (end func()) {
	tell := func(state string) bool {
		told, err := daemon.SdNotify(false, state)
		if err != nil {
			log.Warn("could not notify systemd", "state", state, "cause", err)
		}
		return told
	}
	if !tell(daemon.SdNotifyReady) {
		return func() {}
	}
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("could not read the interval of systemd's watchdog", "cause", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		defer tell(daemon.SdNotifyStopping)
		if interval == 0 {
			<-ctx.Done()
			return
		}
		ticker := time.NewTicker(interval / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			ask, end := context.WithTimeout(ctx, interval)
			err := alive(ask)
			end()
			switch {
			case err == nil:
				tell(daemon.SdNotifyWatchdog)
			case ctx.Err() == nil:
				log.Error("the server does not respond to itself; systemd will restart it", "cause", err)
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// askSelf returns nil if the server responds to a request that reads the database. Any status will do: a restart helps
// a server that hangs, but not one whose disk is full.
func (s *serve) askSelf(ctx context.Context) error {
	response, err := (&health{Listen: s.Listen, TLSCert: s.TLSCert}).ask(ctx)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
