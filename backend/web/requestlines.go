package web

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"tokentab/backend/validation"
)

var (
	nameTransferEncoding = []byte("transfer-encoding")
	nameContentLength    = []byte("content-length")
	codingChunked        = []byte("chunked")
)

// readLines scans the raw header lines once per request, without allocating.
//
// ambiguous reports that another server could see the headers or the body end elsewhere, and a second request after
// that (request smuggling): a transfer coding other than chunked, or with a Content-Length (RFC 9112, section 6.3), a
// folded line (section 5.2), or a line without a carriage return (section 2.2).
//
// extended reports that a header name starts with X-, as those of proxies do, or is misspelt. misspelt reports that one is
// nearly X-Token-Need.
func readLines(h *fasthttp.RequestHeader) (ambiguous, extended, misspelt bool) {
	coded, chunked, measured := false, false, false
	for raw := h.RawHeaders(); len(raw) > 0; {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return true, extended, misspelt
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			break
		}
		switch line[0] {
		case ' ', '\t':
			return true, extended, misspelt
		case 't', 'T':
			if isNamed(line, nameTransferEncoding) {
				coded, chunked = true, bytes.EqualFold(bytes.TrimSpace(line[len(nameTransferEncoding)+1:]), codingChunked)
			}
		case 'c', 'C':
			measured = measured || isNamed(line, nameContentLength)
		case 'x', 'X':
			misspelt = misspelt || validation.IsNearlyNeed(line)
			extended = extended || misspelt || len(line) > 1 && line[1] == '-'
		}
	}
	return coded && (measured || !chunked), extended, misspelt
}

func isNamed(line, name []byte) bool {
	return len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], name)
}
