package config

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"tokentab/backend/filemode"
	"tokentab/backend/text"
)

// secrets are the variables whose values no one but the server's user may read.
var secrets = []string{Prefix + "_MASTER_KEY", Prefix + "_DATABASE_URL", Prefix + "_TO_DATABASE_URL", Prefix + "_SMTP_URL", Prefix + "_METRICS_TOKEN", Prefix + "_PASSPHRASE"}

// Variables returns the environment variables that no flag stands for.
func Variables() []string {
	names := []string{Prefix + "_MASTER_KEY", Prefix + "_PASSPHRASE"}
	for _, secret := range secrets {
		names = append(names, secret+"_FILE")
	}
	return names
}

// LoadFile sets the environment variables that a file has and that are not set yet. Each line is KEY=value, as in
// systemd's EnvironmentFile; known are the keys that it may have. It returns an error that names the file and the line,
// and one if everyone on the machine can write it, or read a secret in it. Then no variable is set.
func LoadFile(path string, known []string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("--config: everyone on this machine can write %s (mode %#o): run chmod o-w %s", path, info.Mode().Perm(), path)
	}
	content, err := filemode.ReadAny(path)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	settings, err := parse(string(content))
	if err != nil {
		return fmt.Errorf("%s, %w", path, err)
	}
	for _, s := range settings {
		if !slices.Contains(known, s.key) {
			hint := ""
			if near := Nearest(s.key, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return fmt.Errorf("%s, line %d: there is no setting %s%s", path, s.line, s.key, hint)
		}
		isPublic := runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0
		if isPublic && s.value != "" && slices.Contains(secrets, s.key) {
			return fmt.Errorf("%s, line %d: everyone on this machine can read or write %s (mode %#o): restrict the file to its owner with chmod 600",
				path, s.line, s.key, info.Mode().Perm())
		}
	}
	for _, s := range settings {
		if s.value != "" && os.Getenv(s.key) == "" {
			if err := os.Setenv(s.key, s.value); err != nil {
				return fmt.Errorf("%s, line %d: %w", path, s.line, err)
			}
		}
	}
	return nil
}

// Nearest returns the first of the known names that a name equals but for one letter; empty if there is none.
func Nearest(name string, known []string) string {
	if i := slices.IndexFunc(known, func(k string) bool { return text.WithinOne([]byte(name), k) }); i >= 0 {
		return known[i]
	}
	return ""
}

// setting is one line of a file.
type setting struct {
	key, value string
	line       int
}

// parse reads lines of KEY=value. Blank lines and lines that begin with # or ; say nothing. Quotes are as in systemd.exec(5):
// nothing is special between single quotes, and \ escapes ", \, $ and ` between double quotes. What systemd would change
// silently is an error: a \ outside quotes, and a key that comes twice. Errors never show a value.
func parse(text string) ([]setting, error) {
	var all []setting
	number := 0
	text = strings.TrimPrefix(text, "\ufeff") // some editors on Windows begin a file so
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		key, rest, found := strings.Cut(line, "=")
		if !found || !isKey(key) {
			return nil, fmt.Errorf("line %d: it must be like TOKENTAB_LISTEN=127.0.0.1:8080", number)
		}
		if slices.ContainsFunc(all, func(s setting) bool { return s.key == key }) {
			return nil, fmt.Errorf("line %d: %s was set before", number, key)
		}
		value, err := unquoted(strings.TrimSpace(rest))
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", number, key, err)
		}
		all = append(all, setting{key: key, value: value, line: number})
	}
	return all, nil
}

func isKey(text string) bool {
	for i, c := range []byte(text) {
		if c != '_' && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

// unquoted returns a value without its quotes.
func unquoted(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", errors.New("it has a zero byte")
	}
	if text == "" || text[0] != '\'' && text[0] != '"' {
		if strings.ContainsAny(text, `\'"`) {
			return "", errors.New(`put a value with \, ' or " between quotes`)
		}
		return text, nil
	}
	quote, value := text[0], []byte{}
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote:
			if i != len(text)-1 {
				return "", errors.New("something follows the closing quote")
			}
			return string(value), nil
		case c == '\\' && quote == '"':
			i++
			if i == len(text) || !strings.ContainsRune("\"\\$`", rune(text[i])) {
				return "", errors.New("between double quotes, \\ may only precede \", \\, $ and `")
			}
			c = text[i]
		}
		value = append(value, c)
	}
	return "", errors.New("the closing quote is missing")
}
