package text

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"tokentab/backend/fault"
)

// domains is the lookup profile of IDNA 2008 (RFC 5891), with the length limits of DNS.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

const (
	maxEmail = 254 // bytes (RFC 5321, section 4.5.3.1.3)
	maxLocal = 64  // bytes before the @ (section 4.5.3.1.1)
)

// Email returns an email address in the form to keep (see KeptEmail), and adds a complaint to wrong if it is not
// valid. It accepts mailboxes on the internet: the domain must have a dot, and quoted local parts and IP addresses
// are refused.
func Email(wrong fault.Fields, name, text string) string {
	email := KeptEmail(text)
	local, domain, _ := strings.Cut(email, "@")
	parsed, err := mail.ParseAddress(email)
	switch {
	case email == "":
		wrong.Add(name, "is required")
	case err != nil || parsed.Address != email || complaintAbout(strings.TrimSpace(text), "") != "" || strings.ContainsFunc(email, unicode.IsSpace):
		wrong.Add(name, "must be an email address")
	case len(local) > maxLocal || len(email) > maxEmail:
		wrong.Add(name, "is too long for an email address")
	case !isDomain(domain):
		wrong.Add(name, "must be an email address whose domain has a dot, such as ada@example.com")
	}
	return email
}

// KeptEmail returns the canonical form of an email address, by which mailboxes are compared: lower case, NFC, and the
// domain in ASCII (IDNA 2008). If text is not an email address, it returns it trimmed, in lower case and NFC.
func KeptEmail(text string) string {
	email := Composed(strings.ToLower(Composed(strings.TrimSpace(text))))
	at := strings.LastIndexByte(email, '@')
	if domain, err := domains.ToASCII(email[at+1:]); at > 0 && err == nil {
		return email[:at+1] + domain
	}
	return email
}

// ShownEmail returns a kept email address for display, with the domain in its own script. A label that mixes scripts
// stays in ASCII, because it may imitate another.
func ShownEmail(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	if !strings.Contains(domain, "xn--") {
		return email
	}
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		shown, err := domains.ToUnicode(label)
		if back, err2 := domains.ToASCII(shown); err == nil && err2 == nil && back == label && isOfOneScript(shown) {
			labels[i] = shown
		}
	}
	return local + "@" + strings.Join(labels, ".")
}

// Domain returns the name of a host in the form to compare: in ASCII (IDNA 2008) and lower case.
func Domain(host string) string {
	if ascii, err := domains.ToASCII(host); err == nil {
		return ascii
	}
	return strings.ToLower(host) // an address, or a name that only a local network has
}

func isDomain(domain string) bool {
	_, err := domains.ToASCII(domain)
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	isNumber := strings.Trim(last, "0123456789") == "" // as in an IPv4 address
	return err == nil && last != domain && len(last) > 1 && !isNumber
}

// together lists the sets of scripts that may appear in one word.
var together = [][]*unicode.RangeTable{
	{unicode.Latin}, {unicode.Cyrillic}, {unicode.Greek}, {unicode.Arabic}, {unicode.Hebrew}, {unicode.Armenian}, {unicode.Georgian},
	{unicode.Devanagari}, {unicode.Bengali}, {unicode.Tamil}, {unicode.Telugu}, {unicode.Thai}, {unicode.Lao}, {unicode.Khmer}, {unicode.Ethiopic},
	{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo}, {unicode.Han, unicode.Hangul},
}

func isOfOneScript(label string) bool {
	for _, scripts := range together {
		isOther := func(r rune) bool {
			return !unicode.In(r, scripts...) && !unicode.In(r, unicode.Common, unicode.Inherited)
		}
		if !strings.ContainsFunc(label, isOther) {
			return true
		}
	}
	return false
}
