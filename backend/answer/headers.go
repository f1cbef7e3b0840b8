package answer

// PagePolicy is the page's Content-Security-Policy. The page loads only from this server, without inline scripts or
// styles.
const PagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// StrictTransport is the value of Strict-Transport-Security under HTTPS.
const StrictTransport = "max-age=31536000"

// SecurityHeaders are on every response. The policy is for responses that browsers don't render.
var SecurityHeaders = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
}
