package signer

import (
	"errors"
	"testing"
)

func TestAMasterKeyOpensThatAnEarlierVersionSealedWithAByteOrderMark(t *testing.T) {
	sealed, err := MasterKey{1}.Encrypt("\ufeffa long passphrase")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := DecryptMasterKey(sealed, "a long passphrase"); err != nil || len(text) == 0 {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := DecryptMasterKey(sealed, "another passphrase"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
}
