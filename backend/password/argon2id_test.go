package password

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/argon2"
)

func TestDeriveMatchesArgon2id(t *testing.T) {
	memory := make([]block, 300)
	for i := range memory { // content of an earlier hash must not matter
		memory[i][i%128] = 1
	}
	for _, p := range []params{{8, 1}, {8, 2}, {9, 3}, {64, 1}, {127, 2}, {300, 1}, {300, 4}} {
		for _, password := range []string{"", "password", "a password of more than sixty-four bytes, which BLAKE2b takes in two blocks"} {
			salt := []byte("0123456789abcdef")
			want := argon2.IDKey([]byte(password), salt, p.passes, p.memory, 1, 32)
			if got := derive(memory, p, []byte(password), salt, 32, func() {}); !bytes.Equal(got, want) {
				t.Errorf("%+v of %q: %x, want %x", p, password, got, want)
			}
		}
	}
}
