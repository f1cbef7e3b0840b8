package validation_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"tokentab/backend/metrics"
	"tokentab/backend/token"
)

func TestTheDurationOfAValidationHasThatOfItsLookUp(t *testing.T) {
	var lookUp time.Duration
	reached, released := make(chan bool), make(chan bool)
	endpoints, _ := endpointsOver(t, func(context.Context) (token.State, bool, error) {
		began := time.Now()
		reached <- true
		<-released
		lookUp = time.Since(began)
		return token.State{}, false, nil
	})
	server := &fasthttp.Server{LazyRequestTime: true, Handler: func(c *fasthttp.RequestCtx) { endpoints.Serve(c, false) }}
	l := fasthttputil.NewInmemoryListener()
	ended := make(chan error)
	go func() { ended <- server.Serve(l) }()
	go func() {
		<-reached
		released <- true
	}()
	client := &fasthttp.Client{Dial: func(string) (net.Conn, error) { return l.Dial() }}
	var ask fasthttp.Request
	var answer fasthttp.Response
	ask.SetRequestURI("http://tokentab.test/api/v1/validate")
	ask.Header.Set("Authorization", "Bearer of-no-token")
	if err := client.Do(&ask, &answer); err != nil || answer.StatusCode() != fasthttp.StatusUnauthorized {
		t.Fatal(err, answer.StatusCode())
	}
	client.CloseIdleConnections()
	if err := server.Shutdown(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}

	set := metrics.New()
	set.Histogram("took_seconds", "How long it took.", nil, func(add func(*metrics.Histogram, ...string)) { add(endpoints.Took()) })
	var text bytes.Buffer
	if err := set.Write(&text, ""); err != nil {
		t.Fatal(err)
	}
	var took float64
	_, sum, _ := bytes.Cut(text.Bytes(), []byte("took_seconds_sum "))
	if _, err := fmt.Sscan(string(sum), &took); err != nil || took < lookUp.Seconds() {
		t.Errorf("%v s with a look-up of %s: %v\n%s", took, lookUp, err, text.Bytes())
	}
}
