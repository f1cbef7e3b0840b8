package text

// WithinOne reports whether at most one edit turns a into b: a letter replaced, added, removed, or swapped with the
// next.
func WithinOne(a []byte, b string) bool {
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	x, y := a[same:], b[same:]
	switch len(x) - len(y) {
	case 0:
		return len(x) == 0 || string(x[1:]) == y[1:] || len(x) > 1 && x[0] == y[1] && x[1] == y[0] && string(x[2:]) == y[2:]
	case 1:
		return string(x[1:]) == y
	case -1:
		return string(x) == y[1:]
	}
	return false
}

// IsNear reports whether one edit turns a into b, or two if b has seven letters or more.
func IsNear(a []byte, b string) bool {
	if len(b) < 7 || WithinOne(a, b) {
		return WithinOne(a, b)
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	switch {
	case len(a) == 0 || len(b) == 0:
		return len(a)+len(b) <= 2
	case WithinOne(a[1:], b), WithinOne(a, b[1:]), WithinOne(a[1:], b[1:]):
		return true
	}
	return len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] && WithinOne(a[2:], b[2:])
}
