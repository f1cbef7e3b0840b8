package signer

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAByteOrderMarkIsNoPartOfAMasterKey(t *testing.T) {
	if _, err := ParseMasterKey("\ufeff" + strings.Repeat("A", 43) + "=\r\n"); err != nil {
		t.Error(err)
	}
}

func TestAMasterKeyThatEveryoneCanReadIsRefused(t *testing.T) {
	folder := t.TempDir()
	made, err := LoadMasterKey(folder, true, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, MasterKeyFile)
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o640: true, 0o644: false, 0o604: false, 0o602: false, 0o620: true, 0o660: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		again, err := LoadMasterKey(folder, false, rand.Reader)
		if ok && (err != nil || again != made) {
			t.Errorf("mode %#o: %v", mode, err)
		}
		if info, err := os.Stat(path); err != nil || ok && info.Mode().Perm() != mode&^0o020 {
			t.Errorf("mode %#o became %v, %v", mode, info.Mode(), err)
		}
		if !ok && (err == nil || !strings.Contains(err.Error(), "chmod 600")) {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left beside it: %v %v", left, err)
	}
}

func TestAFolderInPlaceOfTheMasterKeyIsNamed(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, MasterKeyFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMasterKey(folder, false, rand.Reader); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("%v", err)
	}
}
