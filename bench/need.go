package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// need returns the path of a program, and installs the Debian package of it where that may be done.
func need(ctx context.Context, out io.Writer, names, why, debian string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "e2e/need.sh", names, why, debian)
	cmd.Stderr = out
	path, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s is missing: %w", debian, err)
	}
	return strings.TrimSpace(string(path)), nil
}
