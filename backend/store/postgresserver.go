package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A program reads and writes one server of Postgres at a time. After a failover, two may answer as primary: the former one takes
// changes again as soon as someone starts it. Of a connection to each, one would read what the other one has revoked. So each new
// connection learns which server it has. If that is another one, the connections to the server before end; if that is the former
// one, the new connection is refused.

// postgresServer is one run of a server of Postgres.
type postgresServer struct {
	started  string // when, in seconds since 1970
	system   string // what it shares with its standbys; empty if the role may not know
	timeline uint64 // how many servers have taken over in this system, and more; 0 if the role may not know
}

// servers is what a program knows about the servers that its URL leads to.
type servers struct {
	current atomic.Pointer[postgresServer] // the one in use; nil before the first connection
	mu      sync.Mutex                     // held to change it
	log     *slog.Logger                   // nil for a command
	told    *postgresServer                // the former primary that the log has named last
}

// serverQuery selects which server answers, in a form that no setting of a session changes. Some providers refuse the second statement.
const serverQuery = `SELECT pg_is_in_recovery(), extract(epoch FROM pg_postmaster_start_time());
	SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE system_identifier::text || ' ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END FROM pg_control_system()`

var errStandbyServer = errors.New("this is a standby, which takes no changes: name the primary, or all hosts")

// serverKey is the key of the server in the custom data of a connection.
const serverKey = "server"

// accept returns an error for a new connection to a standby, which may lack the latest changes, or to a former primary. Each
// connection is checked: of several hosts, the primary may take no more connections for a while. A server that the URL does not
// admit, such as a read-only one, is not used, and succeeds none.
func (all *servers) accept(ctx context.Context, c *pgconn.PgConn, admits pgconn.ValidateConnectFunc) error {
	results, err := c.Exec(ctx, serverQuery).ReadAll()
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.New("it takes connections, but does not answer in time; if it is a pooler, it may have no session of the server left, see default_pool_size of PgBouncer") // pgx would replace an error that wraps that of the context
	case len(results) == 0 || len(results[0].Rows) == 0:
		return cmp.Or(err, errors.New("the server does not say which one it is"))
	}
	state := results[0].Rows[0]
	if string(state[0]) != "f" {
		return errStandbyServer
	}
	found := postgresServer{started: string(state[1])}
	if len(results) > 1 && len(results[1].Rows) > 0 {
		if _, err := fmt.Sscanf(string(results[1].Rows[0][0]), "%s %x", &found.system, &found.timeline); err != nil {
			return err
		}
	}
	if admits != nil {
		if err := admits(ctx, c); err != nil {
			return err
		}
	}
	current, err := all.use(found)
	if err != nil {
		return err
	}
	c.CustomData()[serverKey] = current
	return nil
}

// use makes a server the current one. It returns an error if that has succeeded it.
func (all *servers) use(found postgresServer) (*postgresServer, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	current := all.current.Load()
	switch {
	case current == nil:
	case *current == found:
		return current, nil
	case current.system == found.system && found.timeline < current.timeline:
		err := fmt.Errorf("this was the primary before a failover, and lacks what has changed since (its timeline is %d, that of the present primary %d)", found.timeline, current.timeline)
		if all.log != nil && (all.told == nil || *all.told != found) {
			all.told = &found
			all.log.Error("two servers of Postgres answer as primary", "cause", err, "do", "stop the former primary, or make it a standby of the present one; other copies, and this one after a restart, might use it. To go back to it, stop the present one and restart this server")
		}
		return nil, err
	}
	all.current.Store(&found)
	return &found, nil
}

// survey connects to each of several hosts but the first, which the next connection asks, and waits for those that answer soon.
// Otherwise a program that starts would use the first one that answers as primary, even if another one has succeeded it.
func (r *remote) survey(ctx context.Context) {
	const soon = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	hosts := map[string]bool{address(r.config.Host, r.config.Port): true}
	for _, host := range r.config.Fallbacks {
		hosts[address(host.Host, host.Port)] = true
	}
	if len(hosts) == 1 {
		return
	}
	var asking sync.WaitGroup
	for _, host := range r.config.Fallbacks {
		one := r.config.Config.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = host.Host, host.Port, host.TLSConfig, nil
		asking.Go(func() {
			if conn, err := pgconn.ConnectConfig(ctx, one); err == nil { // accept has noted the server
				_ = conn.Close(ctx)
			}
		})
	}
	asking.Wait()
}

func address(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// isCurrent returns driver.ErrBadConn if the program uses another server than that of a connection by now.
func (all *servers) isCurrent(c *pgconn.PgConn) error {
	if server, _ := c.CustomData()[serverKey].(*postgresServer); server != all.current.Load() {
		return fmt.Errorf("%w: another server of Postgres has become the primary", driver.ErrBadConn)
	}
	return nil
}
