#!/bin/sh
# Builds Traefik from its Go module: build.sh FILE. It is Traefik itself, less the services that write DNS records for
# certificates, whose libraries are larger than all the rest and of no use here.
set -eu
out=$(realpath -m "$1")
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# One file of one library is exchanged, so the library is a copy, and go.mod has to name it.
cp -r "$(cd / && go mod download -json github.com/go-acme/lego/v5@v5.4.1 | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')" "$work/lego"
chmod -R u+w "$work/lego"
cat >"$work/lego/providers/dns/zz_gen_dns_providers.go" <<'GO'
package dns

import (
	"errors"

	"github.com/go-acme/lego/v5/challenge"
)

// NewDNSChallengeProviderByName knows no provider.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, errors.New("no DNS provider " + name)
}
GO
cd "$(dirname "$0")"
cp go.mod go.sum "$work"
go mod edit -replace "github.com/go-acme/lego/v5=$work/lego" "$work/go.mod"
go build -modfile="$work/go.mod" -o "$out" github.com/traefik/traefik/v3/cmd/traefik
