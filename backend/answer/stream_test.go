package answer_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
)

func TestAStreamThatFailsDoesNotLookWhole(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, 1)
	server := &fasthttp.Server{Handler: func(c *fasthttp.RequestCtx) {
		answer.Stream(c, func(w *bufio.Writer) error {
			if _, err := w.WriteString("a part"); err != nil {
				return err
			}
			return errors.Join(w.Flush(), errors.New("the rest can't be read"))
		}, func() { ended <- struct{}{} })
	}}
	go func() { _ = server.Serve(listener) }()
	defer listener.Close()
	for _, version := range []string{"1.0", "1.1"} {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET / HTTP/"+version+"\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-ended
		var response fasthttp.Response
		if err := response.Read(bufio.NewReader(c)); err == nil {
			t.Errorf("HTTP/%s: a whole response with %q", version, response.Body())
		}
		c.Close()
	}
}
