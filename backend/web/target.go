package web

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// isPlain reports whether fasthttp reads the request target as proxies do (RFC 9112, section 3.2): a target that starts with a
// slash is a path and leaves the host to the Host header, and a whole URL names that same host. fasthttp finds a host in
// "//host/path" if there is "://" anywhere or no Host. A proxy's rules for paths, and checks of the host, would then be about
// another request. A fragment belongs to browsers and could hide a requirement.
//
// Other forms are for proxies, except the asterisk of OPTIONS, which names no path.
func isPlain(r *fasthttp.Request) bool {
	target, host, uri := r.Header.RequestURI(), r.Header.Host(), r.URI()
	path, ok := pathOf(target)
	if !ok || !bytes.Equal(path, uri.PathOriginal()) || !bytes.EqualFold(host, uri.Host()) || bytes.IndexByte(target, '#') >= 0 {
		return false
	}
	return target[0] == '/' || string(target) == "*" || isURLOf(host, target)
}

// isURLOf reports whether a target is a URL with this very authority.
func isURLOf(host, target []byte) bool {
	scheme, rest, _ := bytes.Cut(target, []byte("://"))
	if scheme = bytes.ToLower(scheme); string(scheme) != "http" && string(scheme) != "https" {
		return false
	}
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return bytes.EqualFold(rest, host)
}

// pathOf returns the path of a request target as it was sent. ok is false for one that fasthttp can't parse, which it refuses
// itself.
func pathOf(target []byte) (path []byte, ok bool) {
	if len(target) > 0 && target[0] == '/' { // as nearly all are, and parsing takes longer than the rest of beforeBody
		for _, end := range [...]byte{'?', '#'} { // bytes.IndexAny takes longer
			if i := bytes.IndexByte(target, end); i >= 0 {
				target = target[:i]
			}
		}
		return target, true
	}
	var absolute fasthttp.URI
	if err := absolute.Parse(nil, target); err != nil {
		return nil, false
	}
	return absolute.PathOriginal(), true
}
