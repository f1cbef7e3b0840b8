package store

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"tokentab/backend/pgtest"
)

// startPooler passes each transaction of its clients to the server's connection that has been idle for longest. Like any pooler,
// it has process numbers of its own.
func startPooler(t *testing.T, at string, connections int) string {
	t.Helper()
	idle := make(chan *pgconn.HijackedConn, connections)
	for range connections {
		conn, err := pgconn.Connect(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		held, err := conn.Hijack()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = held.Conn.Close() })
		idle <- held
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	serve := func(c net.Conn) error {
		defer c.Close()
		client := pgproto3.NewBackend(c, c)
		if _, err := client.ReceiveStartupMessage(); err != nil {
			return err
		}
		client.Send(&pgproto3.AuthenticationOk{})
		client.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}})
		client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		var server *pgconn.HijackedConn
		for {
			if err := client.Flush(); err != nil {
				return err
			}
			message, err := client.Receive()
			if err != nil {
				return err
			}
			if _, leaves := message.(*pgproto3.Terminate); leaves {
				return nil
			}
			if server == nil {
				server = <-idle
			}
			server.Frontend.Send(message)
			if err := server.Frontend.Flush(); err != nil {
				return err
			}
			for {
				answer, err := server.Frontend.Receive()
				if err != nil {
					return err
				}
				client.Send(answer)
				if ready, ok := answer.(*pgproto3.ReadyForQuery); ok {
					if ready.TxStatus == 'I' {
						idle <- server
						server = nil
					}
					break
				}
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = serve(c) }() // until the client leaves
		}
	}()
	return changedURL(t, at, func(u *url.URL) { u.Host = l.Addr().String() })
}

func TestAPoolerThatSharesSessionsIsRefused(t *testing.T) {
	pgtest.OnPostgres(t)
	whole := migrated.Database(t)
	for _, connections := range []int{1, 2, 5} {
		_, err := openURL(t, startPooler(t, whole, connections))
		if err == nil || !strings.Contains(err.Error(), "set the pooler to session mode") {
			t.Errorf("a pooler with %d connections: %v", connections, err)
		}
	}
}

func TestAPoolerWithoutASessionLeftIsNamed(t *testing.T) {
	pgtest.OnPostgres(t)
	_, err := openURL(t, startPooler(t, migrated.Database(t), 0)+"&connect_timeout=1")
	if err == nil || !strings.Contains(err.Error(), "it may have no session of the server left") {
		t.Error(err)
	}
}
