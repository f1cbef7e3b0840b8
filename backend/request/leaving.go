package request

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// ErrLeft is the cause of a request's context ending because the client closed the connection.
var ErrLeft = errors.New("the client has left")

// lookForClient is how often a slow request checks whether its client is still connected.
const lookForClient = 250 * time.Millisecond

// WhileConnected returns a context that ends when the client disconnects, which stops its query early. fasthttp notices
// only when it writes the response. A request faster than the first check costs one timer.
func WhileConnected(ctx context.Context, request *fasthttp.RequestCtx) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	inner := innermost(request.Conn())
	var look *time.Timer
	begun := make(chan struct{})
	look = time.AfterFunc(lookForClient, func() {
		<-begun
		switch {
		case ctx.Err() != nil:
		case hasLeft(inner):
			cancel(ErrLeft)
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

// Reset breaks a connection off, so that its peer doesn't take what it got for the whole.
func Reset(c net.Conn) {
	inner := innermost(c)
	if tcp, ok := inner.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // it is closed next in any case
	}
	_ = inner.Close()
}

// innermost returns the system's connection under ours and TLS.
func innermost(c net.Conn) net.Conn {
	for {
		outer, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = outer.NetConn()
	}
}
