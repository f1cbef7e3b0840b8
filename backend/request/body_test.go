package request

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
)

// slow returns a body in small pieces, and records the largest buffer that it was given.
type slow struct {
	left, atOnce, largest, given int
}

func (s *slow) Read(p []byte) (int, error) {
	s.largest = max(s.largest, len(p)-s.given)
	n := min(len(p), s.left, s.atOnce)
	s.left, s.given = s.left-n, s.given+n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestTheRoomOfABodyGrowsWithWhatHasArrived(t *testing.T) {
	for _, announced := range []int{100_000, -1} {
		body := &slow{left: 100_000, atOnce: 1000}
		got, err := readStream(body, make([]byte, 0, firstBytes), announced, MaxBody, nil)
		if err != nil || len(got) != 100_000 || body.largest > firstBytes {
			t.Errorf("%d bytes, %v; room for %d bytes more than had arrived", len(got), err, body.largest)
		}
	}
}

// stopping fails with an error after what it holds.
type stopping struct {
	io.Reader
	err error
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = s.err
	}
	return n, err
}

func TestABodyWithoutItsEndIsLateWhereverItStops(t *testing.T) {
	const body = "4;a=b\r\nabcd\r\n10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n"
	late := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	for end := range len(body) {
		var c fasthttp.RequestCtx
		c.Request.Header.SetMethod("POST")
		c.Request.Header.SetContentLength(-1)
		if err := c.Request.ContinueReadBodyStream(bufio.NewReader(&stopping{strings.NewReader(body[:end]), late}), MaxBody, false); err != nil {
			t.Fatal(err)
		}
		if err := ReadBody(&c, MaxBody, nil); fault.KindOf(err) != fault.Late {
			t.Errorf("%q: %v", body[:end], err)
		}
	}
}

func TestABodyStaysAsItIsWhileOthersAreRead(t *testing.T) {
	var all [3]fasthttp.RequestCtx
	for i := range all {
		sent := bytes.Repeat([]byte{byte('a' + i)}, firstBytes-1+i) // around the size of a buffer that they share
		all[i].Request.Header.SetMethod("POST")
		all[i].Request.Header.SetContentLength(len(sent))
		all[i].Request.SetBodyStream(bytes.NewReader(sent), len(sent))
		if err := ReadBody(&all[i], MaxBody, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range all {
		if got, want := all[i].Request.Body(), bytes.Repeat([]byte{byte('a' + i)}, firstBytes-1+i); !bytes.Equal(got, want) {
			t.Errorf("body %d has %d bytes and begins with %.3q", i, len(got), got)
		}
	}
}

func TestLargeBodiesOfUnknownCallersShareABoundedMemory(t *testing.T) {
	const large = 3 << 19
	all := NewMemory(MaxStrangerBody, 16<<20)
	read := func(hold *Share, n int) error {
		_, err := readStream(&slow{left: n, atOnce: n}, make([]byte, 0, firstBytes), n, large, hold)
		return err
	}
	var holds []*Share
	var err error
	for err == nil && len(holds) < 100 {
		hold := all.Share()
		holds = append(holds, hold)
		err = read(hold, large)
	}
	if fault.KindOf(err) != fault.Unavailable || len(holds) > 16<<20/large+1 {
		t.Errorf("%d bodies: %v", len(holds), err)
	}
	if err := errors.Join(read(all.Share(), MaxStrangerBody), read(nil, large)); err != nil {
		t.Errorf("a small body, and that of a known caller: %v", err)
	}
	for _, hold := range holds {
		hold.Release()
	}
	if err := read(all.Share(), large); err != nil || all.held.Load() == 0 {
		t.Errorf("after the others have ended: %v", err)
	}
}
