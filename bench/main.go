// Bench is the part of bench.sh that is easier in Go: the bare server, numbered secrets and a database full of them,
// single requests, and the arithmetic.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	command, args := args[0], args[1:]
	numbers := make([]int, len(args))
	for i, arg := range args {
		numbers[i], _ = strconv.Atoi(arg) // 0 for a text
	}
	switch command {
	case "address": // a free one
		address, err := freeAddress()
		fmt.Fprintln(out, address)
		return err
	case "ask": // ADDRESS REQUEST NUMBER
		status, size, body, err := ask(args[0], args[1], numbers[2])
		fmt.Fprintln(out, status, size, body)
		return err
	case "wait": // ADDRESS REQUEST, until secret 0 is answered 200
		return wait(args[0], args[1])
	case "bare": // ADDRESS SIZE…
		return bare(numbers[1:]).Listen(args[0])
	case "fill": // FILE TOKENS
		return fill(args[0], numbers[1])
	case "judge": // GOOD BAD TICKS
		return judge(in, out, numbers[0], numbers[1], numbers[2])
	case "report":
		return report(in, out)
	case "list": // PROGRAM TOKENS ROUNDS
		return benchList(out, args[0], numbers[1], numbers[2])
	case "backup": // PROGRAM TOKENS ROUNDS
		return benchBackup(out, args[0], numbers[1], numbers[2])
	case "delete": // PROGRAM TOKENS
		return benchDelete(out, args[0], numbers[1])
	case "ingest": // PROGRAM SECONDS
		return benchIngest(out, args[0], time.Duration(numbers[1])*time.Second)
	case "validate": // ADDRESS MILLISECONDS
		took, err := validate(args[0], time.Duration(numbers[1])*time.Millisecond)
		return errors.Join(err, json.NewEncoder(out).Encode(took))
	case "spans": // PROGRAM SPANS
		return benchSpans(out, args[0], numbers[1])
	case "secret":
		_, err := io.WriteString(out, secretPrefix)
		return err
	}
	return fmt.Errorf("unknown command %q", command)
}

// wait sends a request until the response is 200.
func wait(address, request string) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if status, _, _, err := ask(address, request, 0); err == nil && status == http.StatusOK {
			return nil
		} else if time.Now().After(deadline) {
			return fmt.Errorf("no 200 response within 30 s; the last try got %d (%v)", status, err)
		}
	}
}

// ask sends one request, with a number in it, over a connection of its own. size counts all bytes of the response on the wire.
func ask(address, request string, number int) (status, size int, body string, err error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return 0, 0, "", err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, strings.Replace(request, "{number}", fmt.Sprintf("%016x", number), 1))
	if err := errors.Join(err, conn.SetDeadline(time.Now().Add(5*time.Second))); err != nil {
		return 0, 0, "", err
	}
	var wire bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &wire)), nil)
	if err != nil {
		return 0, 0, "", err
	}
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, wire.Len(), string(text), err
}
