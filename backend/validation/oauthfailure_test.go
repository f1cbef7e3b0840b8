package validation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/config"
	"tokentab/backend/pfid"
	"tokentab/backend/request"
	"tokentab/backend/token"
	"tokentab/backend/validation"
)

// finder is a store that implements only the look-up of a secret.
type finder struct {
	token.Store
	find func(ctx context.Context, hash token.Hash) (token.State, bool, error)
}

func (f finder) FindToken(ctx context.Context, hash token.Hash) (token.State, bool, error) {
	return f.find(ctx, hash)
}

const callersToken = "the-account-token-of-who-asks"

// handlerOver returns the handler of endpointsOver and its log.
func handlerOver(t *testing.T, find func(ctx context.Context) (token.State, bool, error)) (fasthttp.RequestHandler, *bytes.Buffer) {
	endpoints, log := endpointsOver(t, find)
	return func(c *fasthttp.RequestCtx) { endpoints.Serve(c, false) }, log
}

// endpointsOver returns endpoints and their log. Their store knows the account token above and calls find for all other
// secrets.
func endpointsOver(t *testing.T, find func(ctx context.Context) (token.State, bool, error)) (*validation.Endpoints, *bytes.Buffer) {
	t.Helper()
	partition, err := pfid.NewPartition(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := pfid.New(time.Now(), partition, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	manager := token.State{Status: token.Active, Scope: token.ScopeAccount, TokenID: id, AccountID: id, ExpiresAt: time.Now().AddDate(100, 0, 0).Unix()}
	cache, err := token.NewCache(100, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tokens := token.New(finder{find: func(ctx context.Context, hash token.Hash) (token.State, bool, error) {
		if hash == token.HashOf([]byte(callersToken)) {
			return manager, true, nil
		}
		return find(ctx)
	}}, nil, cache, token.Lifetimes{}, time.Now, rand.Reader)
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	return validation.New(validation.Parts{
		Tokens: tokens, Source: request.NewSource(config.Config{}, logger), Log: answer.NewFoldedLog(logger, time.Now), Running: context.Background(), // not of the test, which is outside the bubble
	}), log
}

func ask(handler fasthttp.RequestHandler, path string, secrets ...string) *fasthttp.Response {
	var c fasthttp.RequestCtx
	c.Request.Header.SetMethod(http.MethodPost)
	c.Request.SetRequestURI(path)
	c.Request.Header.SetContentType("application/x-www-form-urlencoded")
	if path != "/oauth/revoke" {
		c.Request.Header.Set("Authorization", "Bearer "+callersToken)
	}
	c.Request.SetBodyString(url.Values{"token": secrets}.Encode())
	handler(&c)
	return &c.Response
}

func isTemporarilyUnavailable(t *testing.T, name string, a *fasthttp.Response) {
	t.Helper()
	want := `{"error":"temporarily_unavailable","error_description":"The store does not answer right now. Try again."}`
	if a.StatusCode() != http.StatusServiceUnavailable || string(a.Body()) != want || string(a.Header.Peek("Retry-After")) != "1" ||
		string(a.Header.Peek("Cache-Control")) != "no-store" || !strings.HasPrefix(string(a.Header.ContentType()), "application/json") {
		t.Errorf("%s:\n%s", name, a)
	}
}

func TestABatchThatTakesTooLongIsGivenUpWhole(t *testing.T) {
	lookUps := 0
	handler, _ := handlerOver(t, func(ctx context.Context) (token.State, bool, error) {
		lookUps++
		select {
		case <-time.After(1500 * time.Millisecond): // of the bubble's clock
			return token.State{}, false, nil
		case <-ctx.Done():
			return token.State{}, false, ctx.Err()
		}
	})
	secrets := strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		isTemporarilyUnavailable(t, "a slow store", ask(handler, "/oauth/introspect/batch", secrets...))
		if took := time.Since(began); lookUps != 7 || took != 10500*time.Millisecond {
			t.Errorf("%d look-ups in %s, want the last to begin before 10 s", lookUps, took)
		}
		// Results so far are cached, so a retry can finish.
		for range 3 {
			if a := ask(handler, "/oauth/introspect/batch", secrets...); a.StatusCode() == http.StatusOK {
				return
			}
		}
		t.Error("three more tries were not enough")
	})
}

func TestAnOAuthEndpointThatPanicsAnswersThatItCannotTell(t *testing.T) {
	handler, log := handlerOver(t, func(context.Context) (token.State, bool, error) { panic("out of order") })
	for _, path := range []string{"/oauth/introspect", "/oauth/introspect/batch", "/oauth/revoke"} {
		for range 2 { // the first must not affect the second
			a := ask(handler, path, "secret")
			isTemporarilyUnavailable(t, path, a)
			if id := string(a.Header.Peek("X-Request-Id")); id == "" || !strings.Contains(log.String(), "request_id="+id) {
				t.Errorf("%s: the log does not have the id %q", path, id)
			}
			if !a.ConnectionClose() {
				t.Errorf("%s: the connection is used again", path)
			}
		}
	}
	if n := strings.Count(log.String(), "out of order"); n != 6 || strings.Contains(log.String(), callersToken) {
		t.Errorf("%d of 6 panics are logged:\n%s", n, log)
	}
}
