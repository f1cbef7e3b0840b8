// Package metrics writes numbers about the program in the formats that Prometheus reads. The packages count with plain
// atomics and with Histogram; a Set reads them when it is scraped.
package metrics

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// scrapeTimeout bounds how long the sources of one scrape may take.
const scrapeTimeout = 5 * time.Second

// Set is the metrics of a program. Add all of them before the first Write.
type Set struct {
	registry *prometheus.Registry
	scraping sync.Mutex // scrapes take turns, so many at once cost no more than one
	ctx      context.Context
}

// New returns a set with the metrics of Go's runtime and of the process.
func New() *Set {
	s := &Set{registry: prometheus.NewRegistry(), ctx: context.Background()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Add reports a value with its labels, in the order in which the metric names them.
type Add func(value float64, labels ...string)

// Counter adds a counter, whose name ends in _total. read reports its values at each scrape; it may report none.
func (s *Set) Counter(name, help string, labels []string, read func(context.Context, Add)) {
	s.add(name, help, labels, prometheus.CounterValue, read)
}

// Gauge adds a gauge. read is as for Counter.
func (s *Set) Gauge(name, help string, labels []string, read func(context.Context, Add)) {
	s.add(name, help, labels, prometheus.GaugeValue, read)
}

// Histogram adds a histogram of seconds. read reports it for each combination of labels.
func (s *Set) Histogram(name, help string, labels []string, read func(add func(h *Histogram, labels ...string))) {
	f := &family{desc: prometheus.NewDesc(name, help, labels, nil)}
	f.collect = func(to chan<- prometheus.Metric) {
		read(func(h *Histogram, values ...string) {
			count, sum, atMost := h.read()
			to <- prometheus.MustNewConstHistogram(f.desc, count, sum, atMost, values...)
		})
	}
	s.registry.MustRegister(f)
}

func (s *Set) add(name, help string, labels []string, kind prometheus.ValueType, read func(context.Context, Add)) {
	f := &family{desc: prometheus.NewDesc(name, help, labels, nil)}
	f.collect = func(to chan<- prometheus.Metric) {
		read(s.ctx, func(value float64, values ...string) {
			to <- prometheus.MustNewConstMetric(f.desc, kind, value, values...)
		})
	}
	s.registry.MustRegister(f)
}

// family is one metric with all its labels. It implements prometheus.Collector.
type family struct {
	desc    *prometheus.Desc
	collect func(chan<- prometheus.Metric)
}

// Describe implements prometheus.Collector.
func (f *family) Describe(to chan<- *prometheus.Desc) { to <- f.desc }

// Collect implements prometheus.Collector.
func (f *family) Collect(to chan<- prometheus.Metric) { f.collect(to) }

// ContentType returns the type of what Write writes for a request's Accept header.
func ContentType(accept string) string { return string(format(accept)) }

func format(accept string) expfmt.Format {
	return expfmt.NegotiateAccept(http.Header{"Accept": {accept}}, expfmt.DefaultAcceptedFormats()...)
}

// Write reads all metrics and writes them in the format that the Accept header asks for. An error means that nothing
// or only a part was written.
func (s *Set) Write(to io.Writer, accept string) error {
	s.scraping.Lock()
	defer s.scraping.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s.ctx = ctx
	families, err := s.registry.Gather()
	if err != nil {
		return err
	}
	encoder := expfmt.NewEncoder(to, format(accept))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}
