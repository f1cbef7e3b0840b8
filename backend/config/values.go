package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Secret is a setting that prints as stars.
type Secret string

// String returns stars, or empty for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the value.
func (s Secret) GoString() string { return s.String() }

// Lifetime is a duration that can be written in days, such as 90d.
type Lifetime time.Duration

// UnmarshalText parses whole days such as 90d, or a Go duration such as 12h30m.
func (l *Lifetime) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%q must be a duration above zero, such as 90d or 12h", text)
		}
		*l = Lifetime(time.Duration(n) * day)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q must be a duration above zero, such as 90d or 12h", text)
	}
	*l = Lifetime(d)
	return nil
}

// Retention is a Lifetime, or 0 for forever.
type Retention time.Duration

// UnmarshalText parses 0, or a Lifetime.
func (r *Retention) UnmarshalText(text []byte) error {
	if *r = 0; string(text) == "0" {
		return nil
	}
	return (*Lifetime)(r).UnmarshalText(text)
}

// Networks is a set of IP networks.
type Networks []netip.Prefix

// UnmarshalText parses a comma-separated list of addresses and networks.
func (n *Networks) UnmarshalText(text []byte) error {
	*n = nil
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if ip, err := netip.ParseAddr(part); err == nil && !strings.Contains(part, "/") { // a zone may contain a slash
			*n = append(*n, netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", part)
		}
		if prefix.Addr().Is4In6() { // connections over IPv4 have plain IPv4 addresses
			if prefix.Bits() < 96 {
				return fmt.Errorf("%q is wider than all of IPv4: write the IPv4 network, such as 10.0.0.0/8", part)
			}
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		*n = append(*n, prefix.Masked())
	}
	return nil
}

// Contain reports whether the address is in one of the networks.
func (n Networks) Contain(ip netip.Addr) bool {
	for _, prefix := range n {
		if prefix.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// isHost reports whether browsers may accept a text as the host of a URL: an address without a zone, or labels without punctuation
// other than - and _.
func isHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == ""
	}
	return !strings.ContainsAny(host, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~ ") && !slices.Contains(strings.Split(strings.TrimSuffix(host, "."), "."), "")
}
