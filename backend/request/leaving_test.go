package request

import (
	"context"
	"net"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestTheContextOfARequestEndsWhenItsClientLeaves(t *testing.T) {
	for _, pipelined := range []string{"", "GET / HTTP/1.1\r\n"} { // what was sent before it left may be unread
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		var c fasthttp.RequestCtx
		c.Init2(server, nil, false)
		ctx, done := WhileConnected(t.Context(), &c)
		if _, err := client.Write([]byte(pipelined)); err != nil {
			t.Fatal(err)
		}
		if hasLeft(server) || ctx.Err() != nil {
			t.Error("a client that waits counts as gone")
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		if context.Cause(ctx) == context.Canceled {
			t.Errorf("the context ended because of %v", context.Cause(ctx))
		}
		done()
	}
}
