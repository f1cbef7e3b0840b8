package main

import (
	"fmt"
	"strconv"
	"strings"
)

// traffic is what a row sends: requests that are the same but for the number of the secret, which stands between head
// and tail.
type traffic struct {
	head, tail string
	// One of these says which numbers are sent. Where none does, the head is the whole request.
	numbers  []int // these in turn
	uniform  int   // any below it, each as likely as the others
	sequence int   // those below it in order, once; then it ends
	freshBad int   // those that are stored, as numbers, and unknown ones that were never sent before, by turns
}

// One and the same credential for requests that do not number them; a peer's own is put in its place.
const peerCredential = "CREDENTIAL"

// get asks a path with a bearer token.
func get(path string) traffic {
	return traffic{head: begin("GET", path) + secretPrefix, tail: "\r\n\r\n"}
}

// introspect sends a token as a form, with the account token of the caller (RFC 7662, section 2.1).
func introspect(stored int) traffic {
	form := "token=" + secretPrefix
	head := begin("POST", pathIntrospect) + secret(caller(stored)) +
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)+digits) + "\r\n\r\n" + form
	return traffic{head: head}
}

// whole asks a peer with its own credential.
func whole(method, path string) traffic {
	length := ""
	if method == "POST" {
		length = "\r\nContent-Length: 0"
	}
	return traffic{head: begin(method, path) + peerCredential + length + "\r\n\r\n"}
}

func begin(method, path string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: tokens.example.com\r\nAuthorization: Bearer "
}

func (t traffic) only(numbers ...int) traffic { t.numbers = numbers; return t }
func (t traffic) uniformOver(n int) traffic   { t.uniform = n; return t }
func (t traffic) inOrder(n int) traffic       { t.sequence = n; return t }
func (t traffic) withFreshBad(n int) traffic  { t.freshBad = n; return t }
func (t traffic) with(number int) string      { return fmt.Sprintf("%s%016x%s", t.head, number, t.tail) }
func (t traffic) as(credential string) traffic {
	t.head = strings.Replace(t.head, peerCredential, credential, 1)
	return t
}

// first is a request that has to be answered 200.
func (t traffic) first() string {
	switch {
	case len(t.numbers) > 0:
		return t.with(t.numbers[0])
	case t.uniform+t.sequence+t.freshBad > 0:
		return t.with(0)
	default:
		return t.head
	}
}

// script is the traffic as a script for wrk. What it prints at the end is for drive.
func (t traffic) script(seed int64) string {
	var s strings.Builder
	fmt.Fprintf(&s, "local head, tail = %q, %q\nlocal format, random = string.format, math.random\nlocal n, all = 0, {}\n", t.head, t.tail)
	fmt.Fprintf(&s, "math.randomseed(%d)\nlocal function with(number) return head .. format(\"%%016x\", number) .. tail end\n", seed)
	switch {
	case len(t.numbers) == 1:
		fmt.Fprintf(&s, luaFixed, fmt.Sprintf("with(%d)", t.numbers[0]))
	case len(t.numbers) > 0:
		fmt.Fprintf(&s, luaList, strings.Trim(fmt.Sprint(t.numbers), "[]"))
	case t.uniform > 0:
		fmt.Fprintf(&s, "request = function() return with(random(0, %d)) end\n", t.uniform-1)
	case t.sequence > 0:
		fmt.Fprintf(&s, luaSequence, t.sequence, t.sequence+2*connections)
	case t.freshBad > 0:
		fmt.Fprintf(&s, luaFreshBad, firstBad+seed%(1<<20)<<20, t.freshBad)
	default:
		fmt.Fprintf(&s, luaFixed, "head")
	}
	return s.String() + luaDone
}

const (
	// luaFixed sends one request, which wrk does without asking the script each time.
	luaFixed = "local fixed = %s\nwrk.format = function() return fixed end\n"
	// luaList reads the numbers from a text, since a script may not hold so many constants.
	luaList = `for number in ([[%s]]):gmatch("%%d+") do all[#all + 1] = with(tonumber(number)) end
request = function()
	n = n %% #all + 1
	return all[n]
end
`
	// luaSequence interrupts wrk, which would wait for the end of its time. Each connection has one request under way, so
	// all up to the last have been answered when two rounds more were sent.
	luaSequence = `local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int signal);")
request = function()
	n = n + 1
	if n == %[2]d then ffi.C.kill(ffi.C.getpid(), 2) end
	return with((n - 1) %% %[1]d)
end
`
	luaFreshBad = `request = function()
	n = n + 1
	if n %% 2 == 0 then return with(%d + n) end
	return with(n %% %d)
end
`
	luaDone = `done = function(summary, latency)
	local e = summary.errors
	io.write(format("measured %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration, summary.bytes, e.status,
		e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
`
)
