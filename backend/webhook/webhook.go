// Package webhook signs and sends webhooks as Standard Webhooks 1.0 describes.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of one request. A response is never read beyond its head.
const (
	timeout         = 15 * time.Second
	maxResponseHead = 16 << 10 // bytes
)

// SecretPrefix starts the text of a secret; the rest is its bytes in base64.
const SecretPrefix = "whsec_"

// Sender sends webhooks. It is safe for concurrent use.
type Sender struct {
	addresses addresses
	timeout   time.Duration
	client    *http.Client
}

// New returns a Sender. With allowPrivate, receivers may have loopback and private addresses.
func New(allowPrivate bool) *Sender {
	s := &Sender{addresses: addresses{allowPrivate}, timeout: timeout}
	s.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect to addresses that are refused here
			DialContext:            s.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxResponseHead,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// NewSecret returns the text of a secret of 32 random bytes.
func (s *Sender) NewSecret(random io.Reader) (string, error) {
	var key [32]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return "", fmt.Errorf("webhook: read random bytes: %w", err)
	}
	return SecretPrefix + base64.StdEncoding.EncodeToString(key[:]), nil
}

type plainKey struct{}

// dial checks each address after its name was resolved, so a name can't change in between.
func (s *Sender) dial(ctx context.Context, network, address string) (net.Conn, error) {
	plain, _ := ctx.Value(plainKey{}).(bool)
	dialer := net.Dialer{ControlContext: s.addresses.control(plain)}
	return dialer.DialContext(ctx, network, address)
}

// Post sends a body. It returns the HTTP status of the response, 0 if there was none, and a sentence that says what went
// wrong; empty if the status is from 200 to 299. id must be the same for each try of a message.
func (s *Sender) Post(ctx context.Context, address, secret, id string, at time.Time, body []byte) (status int, failure string) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signature, err := sign(secret, id, timestamp, body)
	if err != nil {
		return 0, "The secret is damaged. Replace it."
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, "The address can't be used."
	}
	request.URL.RawQuery = escaped(request.URL.RawQuery) // the library escapes only the path
	request = request.WithContext(context.WithValue(ctx, plainKey{}, request.URL.Scheme == "http"))
	request.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Tokentab"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {timestamp},
		"Webhook-Signature": {signature},
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, s.reason(ctx, request.URL.Hostname(), err)
	}
	_ = response.Body.Close() // unread: it may be endless, and shows what only this server can reach
	switch status = response.StatusCode; {
	case status >= 300 && status <= 399:
		return status, fmt.Sprintf("The receiver redirected with status %d. Redirects are not followed: enter the final address.", status)
	case status < 200 || status > 299:
		return status, fmt.Sprintf("The receiver answered with status %d.", status)
	}
	return status, ""
}

// escaped returns a query with what must not stand in a request line percent-encoded, as browsers do.
func escaped(query string) string {
	var b strings.Builder
	for _, c := range []byte(query) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sign returns the signature header: v1, and the HMAC-SHA256 of id, timestamp and body.
func sign(secret, id, timestamp string, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(secret[min(len(SecretPrefix), len(secret)):])
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// reason says in plain words why there was no response.
func (s *Sender) reason(ctx context.Context, host string, err error) string {
	if refused, ok := errors.AsType[refusedError](err); ok {
		return refused.Error()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("The receiver did not answer within %.0f seconds.", s.timeout.Seconds())
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		if unknown.IsNotFound {
			return fmt.Sprintf("There is no host %s.", host)
		}
		return fmt.Sprintf("The address of %s could not be looked up.", host)
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("The receiver's certificate is not accepted: %s.", bad.Err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "The receiver closed the connection without an answer."
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner // the innermost says it best: connection refused
	}
	if strings.Contains(err.Error(), "malformed ") { // and shows what only this server can reach
		return "The receiver does not speak HTTP/1.1."
	}
	return fmt.Sprintf("There was no answer: %s.", err)
}
