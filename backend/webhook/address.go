package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// addresses decides which addresses a receiver may have.
type addresses struct{ allowPrivate bool }

// reach is who can reach an address.
type reach uint8

const (
	reserved reach = iota // no host, or a special purpose: never allowed
	private               // hosts of the same machine or organization
	public
)

var (
	carrierNAT = netip.MustParsePrefix("100.64.0.0/10")
	// unicast6 holds all public IPv6 addresses. What lies outside includes NAT64 (64:ff9b::/96), which leads to IPv4.
	unicast6 = netip.MustParsePrefix("2000::/3")
	// specials are in no other list here, or are excepted from it. See the IANA special-purpose address registries.
	specials = prefixes(
		"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
		// The metadata services of clouds outside link-local addresses: Alibaba, Azure, AWS, Google and Scaleway.
		"100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::/32", "fd00:42::42/128",
	)
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// reachOf classifies an address. IPv4 counts the same however it is written.
func reachOf(ip netip.Addr) reach {
	ip = ip.Unmap()
	for _, special := range specials {
		if special.Contains(ip.WithZone("")) {
			return reserved
		}
	}
	switch {
	case ip.IsLoopback(), ip.IsPrivate(), carrierNAT.Contains(ip):
		return private
	case !ip.IsGlobalUnicast(), ip.Is6() && !unicast6.Contains(ip): // link-local ones serve secrets of cloud machines
		return reserved
	}
	return public
}

// refusedError says why an address is refused.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// objection returns why a receiver at the address is refused, to follow "the address"; empty if it is not. plain means
// without TLS.
func (a addresses) objection(ip netip.Addr, plain bool) string {
	switch is := reachOf(ip); {
	case is == reserved:
		return "is reserved, so nothing is sent to it"
	case is == private && !a.allowPrivate:
		return "is private; the server's setting --allow-private-webhooks allows it"
	case is == public && plain:
		return "is public, so it needs https"
	}
	return ""
}

func (a addresses) control(plain bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return refusedError("The receiver has no usable address.")
		}
		if why := a.objection(at.Addr(), plain); why != "" {
			return refusedError(fmt.Sprintf("The receiver's address %s %s.", at.Addr(), why))
		}
		return nil
	}
}

// CheckURL returns an error that continues "url …" if webhooks can't be sent to an address. It looks no name up: Post
// checks what a name leads to.
func (s *Sender) CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return errors.New("must be an address such as https://example.com/hook")
	}
	switch plain := u.Scheme == "http"; {
	case u.Scheme != "https" && !plain:
		return errors.New("must start with https://")
	case plain && !s.addresses.allowPrivate:
		return errors.New("must start with https://; the server's setting --allow-private-webhooks also allows http to private addresses")
	case u.User != nil:
		return errors.New("must not contain a user name or a password")
	case u.Fragment != "":
		return errors.New("must not contain a #")
	case !isPort(u.Port()):
		return errors.New("must have a port from 1 to 65535, or none")
	default:
		return s.addresses.checkHost(u.Hostname(), plain)
	}
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && port > 0
}

// checkHost is CheckURL for the host alone.
func (a addresses) checkHost(host string, plain bool) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		if why := a.objection(ip, plain); why != "" {
			return fmt.Errorf("can't be used: the address %s %s", ip, why)
		}
		return nil
	}
	name := strings.TrimSuffix(host, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	// A host that ends in a number is an address to some resolvers: 127.1 and 2130706433 are 127.0.0.1.
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || last == "" {
		return errors.New("must name its host by a name, or by an address of four numbers")
	}
	return nil
}
