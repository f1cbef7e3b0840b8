package command

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// healthTime is how long the health command waits for the server.
const healthTime = 5 * time.Second

type health struct {
	Listen  string `help:"Address and port that the server listens on." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	TLSCert string `help:"Certificate of the server, if it has one: then it is asked over TLS." placeholder:"FILE"`
}

// Run returns an error unless the server on this machine is ready.
func (h health) Run(ctx context.Context, std IO) error {
	ctx, end := context.WithTimeout(ctx, healthTime)
	defer end()
	status, err := readiness(ctx, h.Listen, h.TLSCert != "")
	if err != nil {
		return fmt.Errorf("the server at %s does not respond: %w", h.Listen, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("the server at %s is not ready: it responds with %d, and its log says why", h.Listen, status)
	}
	_, err = fmt.Fprintln(std.Out, "ready")
	return err
}

// readiness asks the server that listens on an address of this machine whether it is ready, and returns the status.
func readiness(ctx context.Context, listen string, overTLS bool) (int, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return 0, err
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if err == nil && ip.Is6() {
			host = "::1"
		}
	}
	scheme := "http"
	if overTLS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return 0, err
	}
	// The certificate names the server for its clients. Nothing secret is sent to this address of the machine's own.
	client := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	response, err := client.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
