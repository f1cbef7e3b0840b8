//go:build !linux

package request

import "net"

// hasLeft is always false: this system can't tell. Timeouts end abandoned reads.
func hasLeft(net.Conn) bool { return false }
