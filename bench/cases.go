package main

// The paths of the doors that are measured.
const (
	pathValidate = "/api/v1/validate"
	pathPing     = "/api/v1/ping"
)

// testCase is one row of the table: a server, and what it is asked. To measure another server, start it in
// startServers and add its rows here.
type testCase struct {
	name    string
	server  *process
	path    string
	secrets []string // sent in turn; a single one is sent without asking a script for each request
	refused float64  // the share of requests that has to be refused
	against string   // name of the row to compare with; empty for none
}

// cases is all that is measured, in order. Each row stands near the one that it is compared with, which is sent the
// very same requests.
func cases(s *servers, filled secrets) []testCase {
	one := filled.good[:1]
	return []testCase{
		{name: "bare, validate, one token", server: s.bare, path: pathValidate, secrets: one},
		{name: "tokentab, validate, one token", server: s.ours, path: pathValidate, secrets: one, against: "bare, validate, one token"},
		{name: "tokentab, validate, 1000 tokens", server: s.ours, path: pathValidate, secrets: filled.good, against: "bare, validate, 1000 tokens"},
		{name: "bare, validate, 1000 tokens", server: s.bare, path: pathValidate, secrets: filled.good},
		{name: "tokentab, validate, half bad", server: s.ours, path: pathValidate, secrets: halfBad(filled), refused: 0.5, against: "bare, validate, 1000 tokens"},
		{name: "bare, ping, one token", server: s.bare, path: pathPing, secrets: one},
		{name: "tokentab, ping, one token", server: s.ours, path: pathPing, secrets: one, against: "bare, ping, one token"},
	}
}

// halfBad alternates stored and unknown secrets, as many of them as the other rows send.
func halfBad(filled secrets) []string {
	mixed := make([]string, 0, hotTokens)
	for i := range hotTokens / 2 {
		mixed = append(mixed, filled.good[i], filled.bad[i])
	}
	return mixed
}

// requestFor is the request as it goes over the wire, the same for every server.
func requestFor(path, secret string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: tokens.example.com\r\nAuthorization: Bearer " + secret + "\r\n\r\n"
}
