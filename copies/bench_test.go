package copies

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend/backendtest"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/valyala/fasthttp"
)

// hotTokens is how many tokens the validations of the benchmark use.
const hotTokens = 1000

// measureFor is how long one row of the benchmark takes.
var measureFor = 3 * time.Second

// plainVariable makes the test binary the plain server: it reads one row for each validation.
const plainVariable = "TOKENTAB_PLAIN"

// BenchmarkCopies compares copies on Postgres with a server on SQLite and with one that reads a row for each validation.
// make bench-copies runs it.
func BenchmarkCopies(b *testing.B) {
	if b.N > 1 {
		return // all that it measures is in the first round
	}
	f := newFleet(b, 1, "")
	secrets := make([]string, hotTokens)
	for i := range secrets {
		_, secrets[i] = f.copies[0].issue()
	}
	direct := func(r *replica) { r.restart(b) } // without the proxy
	direct(f.copies[0])
	sqlite := startSQLite(b, f.binary)
	local := make([]string, hotTokens)
	for i := range local {
		_, local[i] = sqlite.issue()
	}
	plain := startPlain(b, f)

	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	say("%-42s %12s %9s %9s", "validations of 1,000 hot tokens", "per second", "p50", "p99")
	for _, connections := range []int{32, 256} {
		var row, copied, looks float64
		for round, name := range []string{"one row each on Postgres", "one copy on Postgres", "the server on SQLite"} {
			var load load
			switch round {
			case 0:
				load = validate(b, connections, secrets, plain)
				row = load.rate
			case 1:
				before := f.copies[0].metric(b, "tokentab_looks_total")
				load = validate(b, connections, secrets, f.copies[0].address)
				looks, copied = (f.copies[0].metric(b, "tokentab_looks_total")-before)/load.count, load.rate
			case 2:
				load = validate(b, connections, local, sqlite.address)
			}
			say("%-42s %12.0f %9s %9s", fmt.Sprintf("%s, %d connections", name, connections), load.rate, load.p50, load.p99)
		}
		say("    copy to one row each: %.1f times; queries per validation: %.3f", copied/row, looks)
	}
	f.add()
	direct(f.copies[1])
	validate(b, 32, secrets, f.copies[1].address) // fills the cache
	both := validate(b, 32, secrets, f.copies[0].address, f.copies[1].address)
	say("%-42s %12.0f %9s %9s", "two copies, 32 connections each", both.rate, both.p50, both.p99)

	for _, one := range []struct {
		name string
		at   *replica
	}{{"on Postgres", f.copies[0]}, {"on SQLite", sqlite}} {
		made, times := one.at.createFor(measureFor)
		say("%-42s %12.0f %9s %9s", "creates, 8 connections, "+one.name, float64(len(made))/measureFor.Seconds(), quantile(times, 50), quantile(times, 99))
		first := firstSights(made, one.at.address)
		say("%-42s %12s %9s %9s", "first sight of a token "+one.name, "", quantile(first, 50), quantile(first, 99))
	}
	var alone time.Duration
	for _, copies := range []int{1, 2, 4} {
		for len(f.copies) < copies {
			f.add()
		}
		times := f.copies[0].revokes(b, secrets, f.copies[:copies])
		if copies == 1 {
			alone = quantile(times, 99)
		}
		say("%-42s %12s %9s %9s   p99 %.2f times that of one", fmt.Sprintf("revoke, %d copies validating", copies), "", quantile(times, 50), quantile(times, 99), float64(quantile(times, 99))/float64(alone))
	}
	f.copies[3].proxy.stall()
	times := f.copies[0].revokes(b, secrets, f.copies[:3])
	say("%-42s %12s %9s %9s   p99 %.2f times that of one", "revoke, 4 copies, one cut off", "", quantile(times, 50), quantile(times, 99), float64(quantile(times, 99))/float64(alone))
	f.copies[3].proxy.resume()
	for b.Loop() {
	}
}

// load is what validations reached.
type load struct {
	rate, count float64
	p50, p99    time.Duration
}

// loadScript makes wrk validate the secrets of a file in turn, and print what it counted.
const loadScript = `
local all, n = {}, 0
function init(args)
	for secret in io.lines(args[1]) do
		all[#all + 1] = wrk.format("GET", "/api/v1/validate", { Authorization = "Bearer " .. secret })
	end
end
function request()
	n = n + 1
	return all[n % #all + 1]
end
function done(summary, latency)
	local e = summary.errors
	io.write(string.format("measured %d %d %d %d %d\n", summary.requests, summary.duration,
		e.status + e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end`

// validate validates secrets over connections to each of the addresses, for a while. The load comes from wrk: a client in Go
// takes as long for a request as the server does, and both share the processors.
func validate(b *testing.B, connections int, secrets []string, addresses ...string) (sum load) {
	b.Helper()
	folder := b.TempDir()
	script, list := filepath.Join(folder, "load.lua"), filepath.Join(folder, "secrets")
	if err := errors.Join(os.WriteFile(script, []byte(loadScript), 0o600), os.WriteFile(list, []byte(strings.Join(secrets, "\n")), 0o600)); err != nil {
		b.Fatal(err)
	}
	loads := make([]load, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			out, err := exec.Command("wrk", "--threads", "1", "--connections", strconv.Itoa(connections), "--duration", measureFor.String(), "--timeout", "5s",
				"--script", script, "http://"+address, "--", list).CombinedOutput()
			var requests, microseconds, failed, p50, p99 float64
			_, measured, _ := strings.Cut(string(out), "\nmeasured ")
			if _, scanned := fmt.Sscan(measured, &requests, &microseconds, &failed, &p50, &p99); err != nil || scanned != nil || failed > 0 {
				b.Errorf("wrk: %v: %s", err, out)
				return
			}
			loads[i] = load{requests / microseconds * 1e6, requests, time.Duration(p50) * time.Microsecond, time.Duration(p99) * time.Microsecond}
		})
	}
	all.Wait()
	for _, l := range loads {
		sum.rate, sum.count, sum.p50, sum.p99 = sum.rate+l.rate, sum.count+l.count, max(sum.p50, l.p50), max(sum.p99, l.p99)
	}
	return sum
}

func quantile(times []time.Duration, percent int) time.Duration {
	slices.Sort(times)
	return times[(len(times)-1)*percent/100].Round(time.Microsecond)
}

// createFor creates tokens over 8 connections for a while.
func (r *replica) createFor(d time.Duration) (secrets []string, times []time.Duration) {
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for range 8 {
		all.Go(func() {
			for time.Since(began) < d {
				asked := time.Now()
				_, secret := r.issue()
				mu.Lock()
				secrets, times = append(secrets, secret), append(times, time.Since(asked))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return secrets, times
}

// firstSights validates each secret once.
func firstSights(secrets []string, address string) (times []time.Duration) {
	c := &fasthttp.HostClient{Addr: address, MaxConns: 1}
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	request.SetRequestURI("http://" + address + "/api/v1/validate")
	for _, secret := range secrets {
		request.Header.Set("Authorization", "Bearer "+secret)
		asked := time.Now()
		if err := c.Do(request, response); err != nil || response.StatusCode() != http.StatusOK {
			panic(fmt.Sprintf("%d %v", response.StatusCode(), err))
		}
		times = append(times, time.Since(asked))
	}
	return times
}

// revokes revokes 300 tokens one after the other through this copy, while each of the copies validates 100 times a second: more
// would measure the processors, which all copies share here.
func (r *replica) revokes(b *testing.B, secrets []string, copies []*replica) (times []time.Duration) {
	var ids []string
	for range 300 {
		id, _ := r.issue()
		ids = append(ids, id)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for i, at := range copies {
		all.Go(func() {
			each := time.NewTicker(10 * time.Millisecond)
			defer each.Stop()
			for n := i; ctx.Err() == nil; n++ {
				<-each.C
				at.accepts(secrets[n%len(secrets)])
			}
		})
	}
	for _, id := range ids {
		asked := time.Now()
		r.ok(http.MethodPost, "/api/v1/api_token/"+id+"/revoke", "")
		times = append(times, time.Since(asked))
	}
	cancel()
	all.Wait()
	return times
}

// restart starts the copy again, with a connection to Postgres of its own.
func (r *replica) restart(b *testing.B) {
	r.kill()
	r.direct = true
	if err := r.start(); err != nil {
		b.Fatal(err)
	}
}

// metric returns the value of a metric without labels.
func (r *replica) metric(t testing.TB, name string) float64 {
	a, err := r.call(http.MethodGet, "/metrics", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(a.body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return number
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// startPlain starts the plain server on the fleet's database, and returns its address.
func startPlain(b *testing.B, f *fleet) string {
	b.Helper()
	address := backendtest.FreeAddress(b)
	c := exec.Command(os.Args[0])
	c.Env, c.Stderr = append(os.Environ(), plainVariable+"="+address+" "+f.url.String()), os.Stderr
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
	}
	b.Fatal("the plain server does not start")
	return ""
}

// servePlain is the design without a cache: each validation reads the token's row.
func servePlain(address, database string) error {
	pool, err := pgxpool.New(context.Background(), database)
	if err != nil {
		return err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/api/v1/validate", func(c *fiber.Ctx) error {
		secret, ok := strings.CutPrefix(c.Get("Authorization"), "Bearer ")
		hash := sha256.Sum256([]byte(secret))
		var status string
		var end int64
		err := pool.QueryRow(c.UserContext(), "SELECT status, expires_at FROM api_tokens WHERE secret_hash = $1", hash[:]).Scan(&status, &end)
		if !ok || err != nil || status != "active" || end <= time.Now().UnixMilli() {
			return c.SendStatus(http.StatusUnauthorized)
		}
		return c.SendStatus(http.StatusOK)
	})
	return app.Listen(address)
}
