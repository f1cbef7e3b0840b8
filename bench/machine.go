package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// cores says on which processors the servers and the generator run; empty where nothing can be pinned.
type cores struct {
	taskset, servers, generators string
}

// pinning chooses one processor for the servers and another for the generator, where there are two and a way to pin.
func pinning() cores {
	taskset, err := exec.LookPath("taskset")
	allowed := expandList(field("/proc/self/status", "Cpus_allowed_list"))
	if err != nil || len(allowed) < 2 {
		return cores{}
	}
	return cores{taskset: taskset, servers: allowed[0], generators: allowed[1]}
}

func (c cores) server(args ...string) []string    { return c.pinned(c.servers, args) }
func (c cores) generator(args ...string) []string { return c.pinned(c.generators, args) }

func (c cores) pinned(core string, args []string) []string {
	if c.taskset == "" {
		return args
	}
	return append([]string{c.taskset, "--cpu-list", core}, args...)
}

// expandList reads a list of processors such as 0-3,8.
func expandList(text string) (list []string) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil {
			return nil
		}
		for n := from; n <= to; n++ {
			list = append(list, strconv.Itoa(n))
		}
	}
	return list
}

// facts are what is measured beside the rows, and where.
type facts struct {
	machine       string
	programs      string // that took part, with their versions
	pinned        string // what runs where
	tokens        int
	fill          time.Duration
	database      int64 // bytes
	start         time.Duration
	memoryAtStart float64 // MiB, as the two below
	memoryLoaded  float64 // with all in the cache; 0 where no row does that
	memoryAtEnd   float64
}

// machineFacts says what machine this is and which programs measure.
func machineFacts(ctx context.Context, generator string, c cores) *facts {
	model := field("/proc/cpuinfo", "model name")
	if model == "" {
		model = runtime.GOARCH
	}
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		text = nil
	}
	kernel, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-") // what follows names a build
	f := &facts{
		machine:  fmt.Sprintf("%s, %d cores, %s %s", model, runtime.NumCPU(), runtime.GOOS, kernel),
		programs: runtime.Version() + ", " + version(ctx, generator, "-v"),
		pinned:   fmt.Sprintf("Servers on core %s with GOMAXPROCS=1, wrk on core %s with one thread and %d connections.", c.servers, c.generators, connections),
	}
	if c.taskset == "" {
		f.pinned = "Nothing is pinned: that takes two cores and taskset. Servers and generator disturb each other."
	}
	return f
}

// takesPart notes a program once.
func (f *facts) takesPart(program string) {
	if !strings.Contains(f.programs, program) {
		f.programs += ", " + program
	}
}

// version is the first word with a digit in what a program says of itself, after the program's name.
func version(ctx context.Context, program, flag string) string {
	// wrk exits with 1 after it.
	output, err := exec.CommandContext(ctx, program, flag).CombinedOutput()
	for word := range strings.FieldsSeq(string(output)) {
		if strings.ContainsAny(word, "0123456789") {
			return filepath.Base(program) + " " + word[strings.LastIndex(word, "/")+1:]
		}
	}
	return fmt.Sprintf("%s of an unknown version (%v)", filepath.Base(program), err)
}

// memory is what the process holds in memory, as the system says it, in MiB; 0 where it does not say.
func (p *process) memory() float64 {
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(field(fmt.Sprintf("/proc/%d/status", p.pid()), "VmRSS"), " kB"))
	if err != nil {
		return 0
	}
	return float64(kilobytes) / 1024
}

// field returns the first value with this name in a file of lines such as "name : value"; empty where there is none.
func field(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
