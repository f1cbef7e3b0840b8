// Command offline verifies an API token by its signature and its status list, without asking Tokentab about each request.
// It reads the token from standard input and prints its claims.
//
//	printf %s "$T" | go run ./docs/offline https://tokens.example.com https://tokens.example.com
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: offline ISSUER AUDIENCE, with the token on standard input")
	}
	secret, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return err
	}
	// A service creates one Verifier when it starts, and calls Verify for each request.
	v := &Verifier{Issuer: args[0], Audience: args[1], Client: &http.Client{Timeout: 5 * time.Second}, Now: time.Now}
	claims, err := v.Verify(context.Background(), strings.TrimSpace(string(secret)))
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(claims)
}
