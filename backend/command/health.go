package command

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tokentab/backend/config"
	"tokentab/backend/filemode"
)

// healthTimeout is the time limit of tokentab health.
const healthTimeout = 5 * time.Second

type health struct {
	URL     string `name:"url" help:"Address of the server, such as http://127.0.0.1:8080; by default from --socket, or --listen and --tls-cert." placeholder:"URL"`
	Listen  string `help:"Address that the server listens on." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	Socket  string `help:"Unix socket that the server listens on." placeholder:"FILE"`
	TLSCert string `help:"File of the TLS certificate of the server." placeholder:"FILE"`
}

// Run asks the server whether it is ready. It returns an error that says why not.
func (h *health) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	response, err := h.ask(ctx)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var body struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // the status says enough
	if json.Unmarshal(text, &body) != nil || body.Message == "" {
		body.Message = "the status is " + response.Status
		if line, _, _ := strings.Cut(string(text), "\n"); strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
			body.Message += fmt.Sprintf(": %.200q", line) // perhaps of another program
		}
	}
	_, address := h.client()
	return fmt.Errorf("the server at %s is not ready: %s", address, body.Message)
}

// ask returns the response of /readyz, whose body the caller closes.
func (h *health) ask(ctx context.Context) (*http.Response, error) {
	if h.URL != "" {
		u, err := url.Parse(h.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("--url must be like http://127.0.0.1:8080, not %q", h.URL)
		}
	}
	client, address := h.client()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("the server at %s did not answer within %s", address, healthTimeout)
	}
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		hint := ""
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
			hint = ". On its machine, leave out --url and name the certificate with --tls-cert"
		} else if h.URL == "" && h.Socket == "" {
			hint = ". If the server listens elsewhere, say where with --listen, --socket or --url"
		}
		return nil, fmt.Errorf("the server at %s does not answer: %w%s", address, err, hint)
	}
	return response, nil
}

// pinnedClient is client for requests that carry a token: it sends nothing unless the server presents the certificate of
// TLSCert.
func (h *health) pinnedClient() (*http.Client, string, error) {
	client, address := h.client()
	transport := client.Transport.(*http.Transport)
	if transport.TLSClientConfig == nil { // loopback, or a socket of this machine
		return client, address, nil
	}
	text, err := filemode.ReadAny(h.TLSCert)
	if err != nil {
		return nil, "", err
	}
	block, rest := pem.Decode(text)
	for block != nil && block.Type != "CERTIFICATE" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, "", fmt.Errorf("%s has no certificate", h.TLSCert)
	}
	transport.TLSClientConfig.VerifyConnection = func(state tls.ConnectionState) error {
		if !bytes.Equal(state.PeerCertificates[0].Raw, block.Bytes) {
			return fmt.Errorf("%s presents another certificate than the one in %s, so it gets no token", address, h.TLSCert)
		}
		return nil
	}
	return client, address, nil
}

// client returns a client for the server and its address. On this machine it accepts any certificate, which names the
// public host.
func (h *health) client() (*http.Client, string) {
	transport := &http.Transport{DisableKeepAlives: true, Proxy: nil}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if h.URL != "" {
		return client, strings.TrimRight(h.URL, "/")
	}
	if h.Socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", h.Socket)
		}
		return client, "http://127.0.0.1"
	}
	local := config.Config{Serving: config.Serving{Listen: h.Listen, TLSCert: h.TLSCert}}
	address := local.Origin() // reaches a server on all addresses by loopback
	if h.TLSCert != "" {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	}
	return client, address
}
