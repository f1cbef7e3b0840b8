package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
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

func machineFacts(out io.Writer, c cores) {
	model := field("/proc/cpuinfo", "model name")
	if model == "" {
		model = runtime.GOARCH
	}
	fmt.Fprintf(out, "%s, %d cores, %s, %s.\n", model, runtime.NumCPU(), runtime.GOOS, runtime.Version())
	if c.taskset == "" {
		fmt.Fprintln(out, "Nothing is pinned: that takes two cores and taskset. Servers and generator disturb each other.")
		return
	}
	fmt.Fprintf(out, "Servers on core %s with GOMAXPROCS=1, wrk on core %s with %d connections.\n", c.servers, c.generators, connections)
}

// residentMemory is what a process holds in memory, as the system says it.
func residentMemory(pid int) (string, error) {
	text := field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS")
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(text, " kB"))
	if err != nil {
		return "not known on this system", nil
	}
	return fmt.Sprintf("%.1f MiB", float64(kilobytes)/1024), nil
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
