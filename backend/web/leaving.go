package web

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// errLeft is why the context of a request ends whose client has closed the connection.
var errLeft = errors.New("the client has left")

// How often it is looked whether the client of a request that takes long is still there.
const lookForClient = 250 * time.Millisecond

// whileConnected returns a context that ends when the client leaves, so that what it asked for is not read to the end.
// The server below learns of that only when it writes the answer. A request that is answered before the first look costs
// one timer.
func whileConnected(ctx context.Context, request *fasthttp.RequestCtx) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	inner := innermost(request.Conn())
	var look *time.Timer
	begun := make(chan struct{})
	look = time.AfterFunc(lookForClient, func() {
		<-begun
		switch {
		case ctx.Err() != nil:
		case hasLeft(inner):
			cancel(errLeft)
		default:
			look.Reset(lookForClient)
		}
	})
	close(begun)
	return ctx, func() {
		cancel(nil)
		look.Stop()
	}
}

// innermost returns the connection of the system below ours and TLS.
func innermost(c net.Conn) net.Conn {
	for {
		switch outer := c.(type) {
		case *conn:
			c = outer.Conn
		case interface{ NetConn() net.Conn }:
			c = outer.NetConn()
		default:
			return c
		}
	}
}
